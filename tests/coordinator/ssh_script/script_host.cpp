#include "tests/coordinator/ssh_script/script_host.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace xcopy::ssh_script {

namespace {

namespace fs = std::filesystem;

// The behaviour of kubev2v/forklift's forced command (pkg/lib/util/ssh.go), in words of our own: what is between DS= and the first
// semicolon names the datastore; what is behind CMD= is handed on; no datastore is a question whether the key works.
constexpr const char* forced_command =
    "D=$(echo \"$SSH_ORIGINAL_COMMAND\" | sed -n 's/^DS=\\([^;]*\\);.*/\\1/p'); "
    "C=$(echo \"$SSH_ORIGINAL_COMMAND\" | sed -n 's/^DS=[^;]*;CMD=\\(.*\\)/\\1/p'); "
    "if [ -z \"$D\" ]; then echo SSH_OK; "
    "else SSH_ORIGINAL_COMMAND=\"$C\" exec sh /vmfs/volumes/$D/secure-vmkfstools-wrapper; fi";

std::string contents(const fs::path& path, std::uint64_t length)
{
    std::ifstream file(path, std::ios::binary);
    std::string bytes(length, '\0');
    file.read(bytes.data(), static_cast<std::streamsize>(length));
    bytes.resize(static_cast<std::size_t>(file.gcount()));
    return bytes;
}

} // namespace

bool eventually(const std::function<bool()>& condition)
{
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(10)); // between two looks
    }
    return true;
}

std::string percent_encoded(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                           c == '_' || c == '-' || c == '/';
        out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

ScriptHost::ScriptHost(nlohmann::json scenario) : lab({.scenario = std::move(scenario)})
{
    fs::copy_file(SSH_SCRIPT, lab.datastore("datastore1") / "secure-vmkfstools-wrapper");
}

lab::Lab::Ran ScriptHost::ssh(const std::string& original_command) const
{
    return lab.run("esx1", {"/bin/sh", "-c",
                            std::string("SSH_ORIGINAL_COMMAND=$1; export SSH_ORIGINAL_COMMAND; ") + forced_command,
                            "sshd", original_command});
}

std::string ScriptHost::line(const std::string& verb, const Words& words)
{
    std::string text = "--xcopy " + verb;
    for (const auto& [key, value] : words)
        text += " " + key + "=" + percent_encoded(value);
    return text;
}

Result<std::string> ScriptHost::call(const std::string& verb, const Words& words) const
{
    const auto ran = command(line(verb, words));
    const auto end = ran.output.find('\n');
    const auto first = ran.output.substr(0, end);
    const auto json = end == std::string::npos ? "" : ran.output.substr(end + 1);
    if (first == "xcopy 1 ok" && ran.exit == 0)
        return json;
    if (first != "xcopy 1 refused" || ran.exit != 1)
        throw std::runtime_error(fmt::format("{}: exit {}: {}", verb, ran.exit, ran.output));
    const auto reply = decode<ErrorReply>(json);
    if (!reply)
        throw std::runtime_error(reply.error().message + ": " + json);
    return error_from(*reply);
}

std::string ScriptHost::refusal(const std::string& verb, const Words& words) const
{
    const auto answer = call(verb, words);
    return answer ? "" : answer.error().reason;
}

Disk ScriptHost::make_disk(const std::string& file, std::uint64_t size)
{
    const auto made = lab.call({{"do", "datastore.create_disk"},
                                {"datastore", "datastore1"},
                                {"file", file},
                                {"size", size},
                                {"seed", ++volumes_}});
    return {"[datastore1] " + file, made.at("flat").get<std::string>()};
}

Target ScriptHost::make_target(std::uint64_t size, bool present)
{
    const int number = ++volumes_;
    Target target{.job = fmt::format("6b0b2f7e-0000-4000-8000-{:012}", number),
                  .naa = fmt::format("naa.600a09803830340000000000{:08}", number),
                  .size = size,
                  .bytes = {}};
    target.bytes = lab.add_volume(target.naa, size);
    if (present)
        lab.present(target.naa, "esx1", "vmhba64", number);
    return target;
}

Result<Device> ScriptHost::attach(const Target& target) const
{
    return ask<Device>(
        "attach", {{"naa", target.naa}, {"job", target.job}, {"size", std::to_string(target.size)}, {"wait", "20"}});
}

Words ScriptHost::clone_words(const Disk& disk, const Target& target)
{
    return {
        {"job", target.job}, {"source", disk.source}, {"target", target.naa}, {"size", std::to_string(target.size)}};
}

CloneStatus ScriptHost::watch(const std::string& job, std::uint64_t after, int wait_s) const
{
    const Words words{{"job", job}, {"after", std::to_string(after)}, {"wait", std::to_string(wait_s)}};
    auto status = ask<CloneStatus>("watch", words);
    if (!status &&
        status.error().reason == "no_watcher") // killed before it had said who it is: asked again, as coordinators do
        status = ask<CloneStatus>("watch", words);
    if (!status)
        throw std::runtime_error(status.error().message);
    return *status;
}

CloneStatus ScriptHost::finished(const std::string& job) const
{
    CloneStatus status = watch(job, 0);
    for (int looks = 0; looks < 50 && !is_final(status.state); ++looks)
        status = watch(job, status.revision);
    EXPECT_TRUE(is_final(status.state)) << name(status.state);
    return status;
}

int ScriptHost::starts_on(const Target& target) const
{
    int count = 0;
    for (const auto& start : lab.starts())
        count += start.at("target").get<std::string>().find(target.naa) != std::string::npos ? 1 : 0;
    return count;
}

std::vector<std::string> ScriptHost::processes() const
{
    std::vector<std::string> lines;
    const auto listed = lab.call({{"do", "host.processes"}, {"host", "esx1"}});
    for (const auto& process : listed.at("processes")) {
        std::string text;
        for (const auto& word : process.at("argv"))
            text += (text.empty() ? "" : " ") + word.get<std::string>();
        if (!text.empty() && text.find("xcopy-lab-tool init") == std::string::npos && !text.starts_with("sshd: "))
            lines.push_back(text);
    }
    return lines;
}

void ScriptHost::expect_clean(const Target& target) const
{
    EXPECT_TRUE(call("detach", {{"naa", target.naa}, {"job", target.job}}));
    EXPECT_TRUE(call("forget", {{"job", target.job}}));
    EXPECT_TRUE(eventually([&] { return processes().empty(); })) << processes().front();
    EXPECT_TRUE(lab.pointer_files().empty()) << lab.pointer_files().front();
    EXPECT_TRUE(lab.violations().empty()) << lab.violations().dump();
    EXPECT_EQ(
        lab.run("esx1", {"/bin/ls", "/scratch/xcopy-ssh/jobs", "/scratch/xcopy-ssh/devices", "/tmp/xcopy-ssh/work"})
            .output,
        "/scratch/xcopy-ssh/devices:\n\n/scratch/xcopy-ssh/jobs:\n\n/tmp/xcopy-ssh/work:\n");
}

bool same_bytes(const Disk& disk, const Target& target, std::uint64_t size)
{
    const auto source = contents(disk.bytes, size);
    return source.size() == size && source == contents(target.bytes, size);
}

} // namespace xcopy::ssh_script
