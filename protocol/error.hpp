// How every call in this project fails: a code for the program, a sentence and a remedy for the operator.
#pragma once

#include <boost/system/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace xcopy {

// Everything an operator can meet. Crosses the wire by name: append, never rename.
enum class Errc : std::uint8_t {
    bad_request = 1,
    not_found,
    conflict,
    busy,
    denied,
    unsupported,
    unavailable,
    timed_out,
    cancelled,
    failed,
    indeterminate, // it may have taken effect: look before repeating it
};

std::string_view name(Errc code);
Errc errc_from(std::string_view name);  // an unknown name (a newer peer) reads as Errc::failed
int http_status(Errc code);             // the status an agent answers with
Errc errc_from_http_status(int status); // for peers that send no code of ours
bool is_transient(Errc code);           // true where the same call may succeed a little later

struct Error {
    Errc code = Errc::failed;
    std::string message;
    std::string remedy{}; // what the operator can do; empty where nothing better than the message is known
    std::string reason{}; // a stable slug for programs, e.g. "target_backs_datastore"; empty for most errors

    Error in(std::string_view step) &&; // prefixes the message with the step the caller was in
};

[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& where);

template <class T> using Result = boost::system::result<T, Error>;

} // namespace xcopy
