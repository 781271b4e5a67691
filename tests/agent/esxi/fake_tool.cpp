// Stands in for vmkfstools, esxcli, localcli and vsish. It does what `<its own path>.script` says, line by line; the
// second call prefers `.script.2` and so on. Each call adds "PID ARGS…" to `<its own path>.log`.
//
//   out TEXT | err TEXT   \r and \n are understood
//   wait NAME             until a file NAME exists beside the tool
//   touch NAME
//   pointers              makes the two pointer files of a clone, named by the last argument
//   counters FROM         replaces the folder `counters` by the folder FROM
//   ignore-term           SIGTERM does nothing from now on
//   on-term-exit N        SIGTERM ends it with status N
//   close-output
//   grandchild NAME       leaves a process behind that keeps the output open until NAME exists
//   flood N               N bytes of output
//   exit N | signal N
//
// As `vsish` it prints the file counters/DEVICE instead.
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace fs = std::filesystem;

namespace {

volatile std::sig_atomic_t term_status = 0;

void end_on_term(int)
{
    _exit(term_status);
}

void write_all(int fd, const std::string& text)
{
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t put = write(fd, text.data() + done, text.size() - done);
        if (put <= 0)
            _exit(99);
        done += static_cast<std::size_t>(put);
    }
}

std::string unescaped(const std::string& text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            out += text[i];
            continue;
        }
        ++i;
        out += text[i] == 'r' ? '\r' : text[i] == 'n' ? '\n' : text[i];
    }
    return out;
}

std::string content(const fs::path& path)
{
    std::ifstream in(path);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

// Ends by itself after a minute, so that a failing test leaves nothing behind for long.
void wait_for(const fs::path& path)
{
    for (int i = 0; i < 12'000 && !fs::exists(path); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

void make_pointers(const std::string& descriptor)
{
    const std::string base = descriptor.substr(0, descriptor.size() - 5);
    std::ofstream(base + "-rdm.vmdk") << "mapping";
    std::ofstream(descriptor) << "# Disk DescriptorFile\ncreateType=\"vmfsRawDeviceMap\"\nRW 2048 VMFSRDM \""
                              << fs::path(base + "-rdm.vmdk").filename().string() << "\"\n";
}

int calls_so_far(const fs::path& log)
{
    std::ifstream in(log);
    int lines = 0;
    for (std::string line; std::getline(in, line);)
        ++lines;
    return lines;
}

void obey(const std::string& verb, const std::string& text, const fs::path& home, const std::string& last_argument)
{
    if (verb == "out")
        write_all(1, unescaped(text));
    else if (verb == "err")
        write_all(2, unescaped(text));
    else if (verb == "wait")
        wait_for(home / text);
    else if (verb == "touch")
        std::ofstream(home / text) << "";
    else if (verb == "pointers")
        make_pointers(last_argument);
    else if (verb == "counters") {
        fs::remove_all(home / "counters");
        fs::copy(home / text, home / "counters");
    } else if (verb == "ignore-term")
        (void)signal(SIGTERM, SIG_IGN);
    else if (verb == "on-term-exit") {
        term_status = std::stoi(text);
        (void)signal(SIGTERM, end_on_term);
    } else if (verb == "close-output") {
        close(1);
        close(2);
    } else if (verb == "grandchild") {
        if (fork() == 0) {
            wait_for(home / text);
            _exit(0);
        }
    } else if (verb == "flood")
        write_all(1, std::string(std::stoul(text), 'x'));
    else if (verb == "exit")
        _exit(std::stoi(text));
    else if (verb == "signal")
        kill(getpid(), std::stoi(text));
    else
        _exit(98);
}

} // namespace

int main(int argc, char** argv)
{
    const fs::path self = argv[0];
    const fs::path home = self.parent_path();
    const int call = calls_so_far(self.string() + ".log") + 1;
    {
        std::ofstream log(self.string() + ".log", std::ios::app);
        log << getpid();
        for (int i = 1; i < argc; ++i)
            log << ' ' << argv[i];
        log << '\n';
    }
    if (self.filename() == "vsish") {
        const fs::path device = fs::path(argv[argc - 1]).parent_path().filename();
        const fs::path file = home / "counters" / device;
        if (!fs::exists(file)) {
            write_all(2, "VSISHCmdGetInt():Get failed: Not found\n");
            return 255;
        }
        write_all(1, content(file));
        return 0;
    }
    fs::path script = self.string() + ".script." + std::to_string(call);
    if (!fs::exists(script))
        script = self.string() + ".script";
    std::istringstream lines(content(script));
    for (std::string line; std::getline(lines, line);) {
        const auto blank = line.find(' ');
        obey(line.substr(0, blank), blank == std::string::npos ? "" : line.substr(blank + 1), home, argv[argc - 1]);
    }
    return 0;
}
