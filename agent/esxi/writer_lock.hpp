// DIR/writer.lock: one flock, taken before the supervisor starts and handed on to it and to vmkfstools, so there is no
// moment between order and last byte at which it is free.
#pragma once

#include "agent/esxi/job_dir.hpp"
#include "agent/esxi/unique_fd.hpp"

#include <string>

namespace xcopy {

std::string writer_lock_path(const JobDir&);

// The locked descriptor. Empty where this file system knows no flock (ENOSYS, EOPNOTSUPP, EINVAL): pids must do.
// Errc::conflict, reason "writer_alive", when somebody holds it.
Result<UniqueFd> take_writer_lock(const JobDir&);

} // namespace xcopy
