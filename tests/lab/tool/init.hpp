// Process 1 of a simulated host.
#pragma once

namespace lab {

// Takes orders, one JSON per line, from descriptor `orders`, and reaps whatever ends. Returns when the lab is gone; the
// whole host goes with it.
int run_init(int orders);

} // namespace lab
