#include <clblast.h>
#include <doctest/doctest.h>

namespace cascadecl::testing {
namespace {

// Has CLBlast give back its programs when the tests are over. It keeps them in a global, which outlives parts of some
// OpenCL implementations, of Oclgrind's for one.
struct ClblastEnd : doctest::IReporter {
  explicit ClblastEnd(const doctest::ContextOptions&) {}
  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override { clblast::ClearCache(); }
  void test_case_start(const doctest::TestCaseData&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};

DOCTEST_REGISTER_LISTENER("clblast_end", 1, ClblastEnd);

}  // namespace
}  // namespace cascadecl::testing
