#include "tests/bench/figures.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace bench {

std::string table(const std::vector<Figure>& figures)
{
    std::string out = fmt::format("{:<34}{:>14} {:<6}{:>12}  {}\n", "figure", "measured", "", "budget", "");
    for (const Figure& figure : figures)
        out += fmt::format("{:<34}{:>14.3f} {:<6}{:>12}  {}{}\n", figure.name, figure.value, figure.unit,
                           figure.budget ? fmt::format("<= {:g}", *figure.budget) : "-",
                           figure.met() ? "" : "OVER BUDGET ", figure.note);
    return out;
}

std::string report(const std::vector<Figure>& figures)
{
    nlohmann::json list = nlohmann::json::array();
    for (const Figure& figure : figures) {
        nlohmann::json one{
            {"name", figure.name}, {"value", figure.value}, {"unit", figure.unit}, {"met", figure.met()}};
        if (figure.budget)
            one["budget"] = *figure.budget;
        if (!figure.note.empty())
            one["note"] = figure.note;
        list.push_back(std::move(one));
    }
    const bool met = std::all_of(figures.begin(), figures.end(), [](const Figure& figure) { return figure.met(); });
    return nlohmann::json{{"figures", std::move(list)}, {"met", met}}.dump(2) + "\n";
}

} // namespace bench
