// What a simulated array sees of HTTP: plain values, no socket and no library.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lab {

struct Request {
    std::string method;                            // "GET"
    std::string path;                              // as sent, without the query
    std::multimap<std::string, std::string> query; // decoded
    std::map<std::string, std::string> headers;    // names in lower case
    std::string body;

    std::optional<std::string> header(const std::string& lower_case_name) const;
    std::optional<std::string> parameter(const std::string& name) const; // the first of that name
};

struct Response {
    int status = 200;
    std::string body;
    std::map<std::string, std::string> headers; // Content-Type is application/json unless given
};

using Handler = std::function<Response(const Request&)>;

Request make_request(std::string method, std::string_view target); // splits "path?query" and decodes the query
std::vector<std::string> path_segments(std::string_view path);     // decoded: "/api/a%3Ab" gives {"api", "a:b"}
std::string percent_encode(std::string_view text);                 // everything but RFC 3986 unreserved characters

struct BasicLogin {
    std::string user;
    std::string password;
};
std::optional<BasicLogin> basic_login(const Request&); // from the header Authorization

} // namespace lab
