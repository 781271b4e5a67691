// Who asks a coordinator for its metrics, as Forklift's controller does: by HTTPS, without a look at the certificate.
#pragma once

#include <string>

namespace e2e {

std::string scrape(int port); // what 127.0.0.1 says there; empty: nothing

// A port of 127.0.0.1 that nobody else has while this lives.
class HeldPort {
public:
    HeldPort();
    ~HeldPort();
    HeldPort(const HeldPort&) = delete;
    HeldPort& operator=(const HeldPort&) = delete;

    int number = 0;

private:
    int socket_ = -1;
};

int free_port();                 // of this moment
std::string listen_on(int port); // the flag

} // namespace e2e
