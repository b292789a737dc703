#include "cli/report/page.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace cascadecl {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// In a <script> element only "</" and "<!" could be taken for its end or a comment.
std::string script_json(const nlohmann::ordered_json& json) {
  std::string text = json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  replace_all(text, "<", "\\u003c");
  return text;
}

}  // namespace

std::string html_escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string report_page(const std::string& title, const nlohmann::ordered_json& report) {
  const auto& files = report_files();
  std::string scripts;
  for (const char* name :
       {"dom.js", "charts.js", "frame.js", "frontier.js", "costs.js", "confusion.js", "models.js", "main.js"})
    scripts += files.at(name);
  std::string page = files.at("page.html");
  replace_all(page, "@STYLE@", files.at("style.css"));
  replace_all(page, "@TITLE@", html_escaped(title));
  // The marks stand behind the title and all else that users name.
  for (const auto& [mark, text] : std::vector<std::pair<std::string, std::string>>{
           {"@CHART_JS@", files.at("chart.min.js")}, {"@SCRIPTS@", scripts}, {"@REPORT@", script_json(report)}}) {
    const std::size_t at = page.rfind(mark);
    page.replace(at, mark.size(), text);
  }
  return page;
}

}  // namespace cascadecl
