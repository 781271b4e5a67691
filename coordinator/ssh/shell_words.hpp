// A command for the shell at the other end of SSH, in which every word stays one word whatever it contains.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace xcopy {

// sshd hands the command to the user's shell as one line; there is no other way to give it an argument vector.
std::string shell_word(std::string_view word);
std::string shell_line(std::span<const std::string> words);

} // namespace xcopy
