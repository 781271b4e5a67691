// How a copy shows that it goes on: a bar on a terminal, lines in a log.
#pragma once

#include "coordinator/copy_order.hpp"

#include <cstdio>
#include <memory>

namespace xcopy {

// What a progress line says; `elapsed` since the clone began to move.
std::string progress_bar(const Observer::Progress& now, std::chrono::seconds elapsed);

// Worth a line: 5 % more, another state, or 10 s of silence.
bool worth_a_line(int percent_then, int percent_now, std::chrono::seconds since_then);

std::unique_ptr<Observer> terminal_progress(std::FILE* terminal);
std::unique_ptr<Observer> logged_progress(Log& log, const std::string& job);

} // namespace xcopy
