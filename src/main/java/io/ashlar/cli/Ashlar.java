package io.ashlar.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;

/** The commands that run in Java; the launcher script adds {@code test} and {@code bench}. */
@Command(
        name = "ashlar",
        description = "Serves large language models to many tenants from shared hardware.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        subcommands = {
            Serve.class,
            Models.class,
            AdminKeyCommands.class,
            AuditCommands.class,
            BlueprintCommands.Apply.class,
            BlueprintCommands.Export.class,
            HelpCommand.class
        })
public final class Ashlar {}
