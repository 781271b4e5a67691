// libssh2's handles as C++ owns them. Included in this folder only.
#pragma once

#include <libssh2.h>
#include <memory>

namespace xcopy::ssh {

struct FreeSession {
    void operator()(LIBSSH2_SESSION* session) const { libssh2_session_free(session); }
};
using Session = std::unique_ptr<LIBSSH2_SESSION, FreeSession>;

// Null only where memory is exhausted. `abstract` is what libssh2's callbacks are given.
Session new_session(void* abstract);

} // namespace xcopy::ssh
