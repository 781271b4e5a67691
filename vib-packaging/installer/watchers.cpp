#include "coordinator/table.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <map>

#include "vib-packaging/installer/report.hpp"

namespace xcopy::installer {

namespace {

class TableWatcher final : public Watcher {
public:
    explicit TableWatcher(std::vector<std::string> hosts) : hosts_(std::move(hosts)) { draw(); }

    void at(const std::string& host, const std::string& what) override
    {
        now_[host] = what;
        draw();
    }
    void ended(const HostReport& report) override
    {
        now_[report.host] = one_line(report);
        draw();
    }

private:
    void draw()
    {
        constexpr std::size_t widest = 90; // a line that wraps would spoil the way back up
        std::vector<Row> rows;
        for (const auto& host : hosts_) {
            const auto found = now_.find(host);
            rows.push_back({host, found == now_.end() ? "waits" : found->second.substr(0, widest)});
        }
        std::string text = drawn_ ? fmt::format("\x1b[{}F\x1b[J", hosts_.size() + 1) : "";
        text += table({"HOST", "NOW"}, rows);
        fmt::print(stderr, "{}", text);
        drawn_ = true;
    }

    std::vector<std::string> hosts_;
    std::map<std::string, std::string> now_{};
    bool drawn_ = false;
};

class LineWatcher final : public Watcher {
public:
    void at(const std::string& host, const std::string& what) override { fmt::print(stderr, "{}: {}\n", host, what); }
    void ended(const HostReport& report) override { fmt::print(stderr, "{}: {}\n", report.host, one_line(report)); }
};

} // namespace

std::unique_ptr<Watcher> table_watcher(std::vector<std::string> hosts)
{
    return std::make_unique<TableWatcher>(std::move(hosts));
}

std::unique_ptr<Watcher> line_watcher()
{
    return std::make_unique<LineWatcher>();
}

} // namespace xcopy::installer
