// Asks OpenSSL for random bytes, as every handshake does; its reason on stdout when there are none.
#include <openssl/err.h>
#include <openssl/rand.h>

#include <cstdio>

int main()
{
    unsigned char bytes[32] = {};
    if (RAND_bytes(bytes, sizeof bytes) == 1)
        return 0;
    while (const auto error = ERR_get_error()) {
        char text[256];
        ERR_error_string_n(error, text, sizeof text);
        std::printf("%s\n", text);
    }
    return 1;
}
