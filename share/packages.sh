# Sourced by share/quickstart.sh, tests/run.sh and tests/lint.sh: the packages of Debian 12 and 13 that cascadecl needs.

# To build the library and the program, and an OpenCL device that is always there.
build_packages=(
  cmake g++ ninja-build pkg-config
  ocl-icd-opencl-dev opencl-c-headers opencl-clhpp-headers pocl-opencl-icd libclblast-dev
  libarchive-dev libboost-program-options-dev libcurl4-openssl-dev libfmt-dev libgif-dev libhdf5-dev libjpeg-dev
  libjs-chart.js libpng-dev librandom123-dev libssl-dev libtiff-dev libwebp-dev nlohmann-json3-dev
)
# To build and run the tests. Debian 13 has no oclgrind; tests under it are left out there.
test_packages=(chromium doctest-dev librapidcheck-dev python3 python3-h5py python3-numpy)
if ! grep -q '^VERSION_CODENAME=trixie' /etc/os-release; then test_packages+=(oclgrind); fi
# For tests/lint.sh, on Debian 12.
lint_packages=(clang-format-14 clang-tidy-14)

# install_packages NAME...: installs those that are missing, by apt; with sudo if need be.
install_packages() {
  local name missing=()
  for name in "$@"; do
    dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q ' installed$' || missing+=("$name")
  done
  if [ ${#missing[@]} -eq 0 ]; then return; fi
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
  echo "installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}
