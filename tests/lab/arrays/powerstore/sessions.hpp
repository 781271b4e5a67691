// Cookies and CSRF tokens of the signed in.
#pragma once

#include "tests/lab/arrays/http_message.hpp"
#include "tests/lab/arrays/simulated_array.hpp"

#include <map>
#include <string>
#include <vector>

namespace lab::powerstore {

class Sessions {
public:
    explicit Sessions(const LabClock& clock) : clock_(clock) {}

    // Headers of the reply to a sign-in.
    std::map<std::string, std::string> open();
    // 0: welcome; 401: no or an expired session; 403: a session without its current token.
    int judge(const Request&, bool write, int idle_seconds, int expired_status);
    std::string newer_token(const Request&); // replaces the session's token; the one before stays good for a while
    void close(const Request&);
    void expire() { open_.clear(); }

    int opened() const { return opened_; }
    std::size_t open_now() const { return open_.size(); }
    const std::vector<std::string>& tokens() const { return tokens_; }

private:
    struct Session {
        std::vector<std::string> tokens; // the newest last; a few older ones are still taken
        LabClock::Time used;
    };
    std::string cookie_of(const Request&) const;
    std::string make_token();

    const LabClock& clock_;
    std::map<std::string, Session> open_; // by cookie
    std::vector<std::string> tokens_;
    int opened_ = 0;
    int made_ = 0;
};

} // namespace lab::powerstore
