package io.ashlar.cli;

import io.ashlar.access.Actor;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.app.Workbench;
import io.ashlar.identity.AdminKeys.AdminKey;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Lists, makes and revokes keys of the admin API, beside a running server or without one. */
@Command(
        name = "admin-keys",
        description = "Lists, makes and revokes keys of the admin API.",
        mixinStandardHelpOptions = true,
        subcommands = {AdminKeyCommands.ListKeys.class, AdminKeyCommands.Create.class, AdminKeyCommands.Revoke.class})
final class AdminKeyCommands {
    private static final Actor ACTOR = Actor.COMMAND_LINE;

    private AdminKeyCommands() {}

    /** Every key's prefix, name and state. */
    @Command(name = "list", description = "Shows every key's prefix, name and state.", mixinStandardHelpOptions = true)
    static final class ListKeys implements Callable<Integer> {
        @Mixin
        CommonOptions common = new CommonOptions();

        @Override
        public Integer call() {
            try (Workbench workbench = common.workbench()) {
                System.out.printf("%-20s %-10s %s%n", "KEY", "STATE", "NAME");
                for (AdminKey key : workbench.adminKeys().all(ACTOR)) {
                    System.out.printf(
                            "%-20s %-10s %s%n",
                            "ash_" + key.prefix() + "_...", key.revoked() ? "revoked" : "active", key.name());
                }
            }
            return 0;
        }
    }

    /** A key, which is shown this once. */
    @Command(
            name = "create",
            description = "Makes a key and prints it; it cannot be shown again.",
            mixinStandardHelpOptions = true)
    static final class Create implements Callable<Integer> {
        @Mixin
        CommonOptions common = new CommonOptions();

        @Option(names = "--name", required = true, paramLabel = "NAME", description = "What it is for.")
        String name = "";

        @Override
        public Integer call() {
            try (Workbench workbench = common.workbench()) {
                System.out.println(workbench.adminKeys().create(name, ACTOR));
            }
            return 0;
        }
    }

    /** A key that is refused from now on. */
    @Command(
            name = "revoke",
            description = "Refuses a key from now on; a running server does so within a second.",
            mixinStandardHelpOptions = true)
    static final class Revoke implements Callable<Integer> {
        @Mixin
        CommonOptions common = new CommonOptions();

        @Parameters(paramLabel = "KEY", description = "As list shows it: ash_PREFIX_..., or the prefix alone.")
        String key = "";

        @Override
        public Integer call() {
            String prefix = key.startsWith("ash_") ? key.split("_")[1] : key;
            try (Workbench workbench = common.workbench()) {
                List<AdminKey> found = workbench.adminKeys().all(ACTOR).stream()
                        .filter(k -> k.prefix().equals(prefix) && !k.revoked())
                        .toList();
                if (found.isEmpty()) {
                    throw new InvalidRequestException(
                            "key", "There is no active admin key '" + prefix + "'; list shows all of them.");
                }
                workbench.adminKeys().revoke(found.getFirst().id(), ACTOR);
                System.out.println(
                        "Revoked ash_" + prefix + "_..., " + found.getFirst().name() + ".");
            }
            return 0;
        }
    }
}
