// The authority alone, as a program.
#include "vib-packaging/installer/ca/command.hpp"

int main(int argc, char** argv)
{
    CLI::App app("a certificate authority for xcopy agents and their clients");
    app.require_subcommand(1);
    const xcopy::ca::Command ca(app);
    CLI11_PARSE(app, argc, argv);
    return ca.run();
}
