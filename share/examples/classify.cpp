// Classifies image files with a trained cascade, and shows what each answer cost.
//   usage: classify MODEL.h5 IMAGE...
#include <cascadecl/cascadecl.h>

#include <cstdio>
#include <exception>

int main(int argc, char** argv) try {
  if (argc < 3) return std::fputs("usage: classify MODEL.h5 IMAGE...\n", stderr), 2;
  cascadecl::Classifier classifier(argv[1]);
  for (int i = 2; i < argc; ++i) {
    const cascadecl::Classification answer = classifier.classify_file(argv[i]);
    std::printf("%s: %s (%.1f %%), left at stage %d after %.2f million multiply-adds\n", argv[i], answer.name.c_str(),
                100 * answer.probability, answer.exit_stage, answer.mmac);
  }
  std::printf("on %s\n", classifier.devices().c_str());
} catch (const std::exception& error) {
  std::fprintf(stderr, "classify: %s\n", error.what());
  return 1;
}
