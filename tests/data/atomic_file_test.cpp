#include "data/atomic_file.h"

#include <doctest/doctest.h>
