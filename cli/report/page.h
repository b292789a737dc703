#pragma once
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace cascadecl {

// A report as one HTML page that needs nothing else: the files of cli/report/page and Chart.js, with the report as JSON
// inside, from which the page's scripts draw. `title` is its title.
std::string report_page(const std::string& title, const nlohmann::ordered_json& report);

// The page's files by name, "page.html" and so on; Chart.js is "chart.min.js". Generated at build.
const std::map<std::string, std::string, std::less<>>& report_files();

// Text for HTML, in and between tags.
std::string html_escaped(std::string_view text);

}  // namespace cascadecl
