// Follows what vmkfstools prints while it clones (facts/esxi.md 6.1): "Clone: 37% done." rewritten in place with \r,
// the error possibly behind it on the same line.
#pragma once

#include <string>
#include <string_view>

namespace xcopy {

class CloneProgress {
public:
    // One of these per stream; pieces may be cut anywhere.
    class Stream {
    public:
        void feed(std::string_view piece, CloneProgress& progress);

    private:
        std::string line_; // the unfinished one, bounded
    };

    int percent() const { return percent_; } // the highest seen: it never falls
    // The last line that says why it failed, else the last that says anything; at most 512 bytes.
    const std::string& last_line() const { return failure_.empty() ? last_ : failure_; }

private:
    void see(std::string_view line);

    int percent_ = 0;
    std::string last_;
    std::string failure_;
};

} // namespace xcopy
