// What was measured, against what it may be.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace bench {

struct Figure {
    std::string name;
    double value = 0;
    std::string unit;
    std::optional<double> budget; // at most; absent: printed for comparison only
    std::string note{};

    bool met() const { return !budget || value <= *budget; }
};

std::string table(const std::vector<Figure>&);
std::string report(const std::vector<Figure>&); // {"figures": [...], "met": bool}

} // namespace bench
