// What is not certain about a Storage Virtualize system, and what goes wrong with it only sometimes.
#pragma once

#include "tests/lab/arrays/switches.hpp"

namespace lab::flashsystem {

Switches switches();

} // namespace lab::flashsystem
