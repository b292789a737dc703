// Empty: CMake precompiles headers for a target, which has a source.
