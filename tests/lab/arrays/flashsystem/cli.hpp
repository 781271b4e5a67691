// The command line behind the REST service: options of a command, and refusals with a code.
#pragma once

#include "tests/lab/arrays/http_message.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace lab::flashsystem {

struct Refused : std::runtime_error {
    Refused(std::string code, const std::string& text) : std::runtime_error(text), code(std::move(code)) {}
    std::string code;
};

// One command: /lsvdisk/5 {"bytes": true} is the name lsvdisk, the object 5 and an option.
class Command {
public:
    Command(std::string name, std::string object, nlohmann::json options);

    const std::string name;
    const std::string object; // the positional argument; may be empty

    // Refuses options that are not among these (CMMVC5709E), and an object where there is none to be (CMMVC6xxx).
    void takes(const std::vector<std::string>& options) const;
    const std::string& needs_object() const;           // CMMVC5701E
    std::string need(const std::string& option) const; // CMMVC5707E
    std::optional<std::string> text(const std::string& option) const;
    bool flag(const std::string& option) const; // true, and nothing else
    std::optional<int> number(const std::string& option, int lowest, int highest, const char* code) const;

private:
    nlohmann::json options_;
};

// "attr=value:attr=value" with * at the end of a value; CMMVC5741E for an attribute that rows do not have.
nlohmann::json filtered(const nlohmann::json& rows, const std::optional<std::string>& filter,
                        const std::vector<std::string>& attributes);

Response refusal_in(const std::string& style, const Refused&);

} // namespace lab::flashsystem
