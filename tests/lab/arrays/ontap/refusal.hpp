// ONTAP's errors: a string code, a message, and the HTTP status that goes with the code.
#pragma once

#include <boost/system/result.hpp>

#include <stdexcept>
#include <string>
#include <string_view>

namespace lab::ontap {

struct Refusal {
    std::string code;
    std::string message;
    std::string target; // the field it is about, may be empty

    // Not an aggregate: C++20 would make one of a lone string, and a result could not tell value from refusal.
    Refusal() = default;
    Refusal(std::string its_code, std::string its_message, std::string its_target)
        : code(std::move(its_code)), message(std::move(its_message)), target(std::move(its_target))
    {}
};

template <class T> using Answer = boost::system::result<T, Refusal>;

[[noreturn]] inline void throw_exception_from_error(const Refusal& refusal, const boost::source_location&)
{
    throw std::runtime_error("lab: unexpected refusal " + refusal.code + ": " + refusal.message);
}

// The usual status; a switch may say otherwise.
int usual_status(std::string_view code);

} // namespace lab::ontap
