// A copy inside an array, with real bytes, as far as it has come.
#pragma once

#include <cstdint>
#include <filesystem>

namespace lab {

class ByteCopy {
public:
    ByteCopy(std::filesystem::path from, std::filesystem::path to, std::uint64_t size);

    void bring_to(int percent); // never back; what lies beyond keeps its old content
    int percent() const { return percent_; }

private:
    std::filesystem::path from_;
    std::filesystem::path to_;
    std::uint64_t size_;
    int percent_ = 0;
};

} // namespace lab
