package io.ashlar.cli;

import io.ashlar.access.Actor;
import io.ashlar.app.Workbench;
import io.ashlar.audit.AuditFilter;
import io.ashlar.audit.AuditLog.Verification;
import io.ashlar.audit.AuditTable;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Reads the audit log and checks that nobody changed it, beside a running server or without one. */
@Command(
        name = "audit",
        description = "Exports the audit log, and verifies that nobody changed it.",
        mixinStandardHelpOptions = true,
        subcommands = {AuditCommands.Export.class, AuditCommands.Verify.class})
final class AuditCommands {
    private AuditCommands() {}

    /** All rows as CSV. */
    @Command(name = "export", description = "Prints the rows as CSV, oldest first.", mixinStandardHelpOptions = true)
    static final class Export implements Callable<Integer> {
        @Mixin
        CommonOptions common = new CommonOptions();

        @Option(names = "--actor", paramLabel = "NAME", description = "Only what this one did.")
        String actor = "";

        @Option(
                names = "--action",
                paramLabel = "WORD",
                description = "Only actions that begin with this, such as key.")
        String action = "";

        @Option(
                names = "--subject",
                paramLabel = "WORD",
                description = "Only what was done to names with this in them.")
        String subject = "";

        @Override
        public Integer call() {
            try (Workbench workbench = common.workbench();
                    PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8)) {
                AuditTable.write(workbench.audit(), Actor.COMMAND_LINE, new AuditFilter(actor, action, subject), out);
            }
            return 0;
        }
    }

    /** Whether the chain of hashes holds. */
    @Command(
            name = "verify",
            description =
                    "Computes the chain of hashes again. Keep the printed head elsewhere: with --expect, a later look"
                            + " shows that nothing before it was written anew.",
            mixinStandardHelpOptions = true)
    static final class Verify implements Callable<Integer> {
        @Mixin
        CommonOptions common = new CommonOptions();

        @Option(names = "--expect", paramLabel = "HASH", description = "A head that was printed earlier.")
        @Nullable
        String expect;

        @Override
        public Integer call() {
            Verification found;
            try (Workbench workbench = common.workbench()) {
                found = workbench.audit().verify(expect);
            }
            if (found.broken() != null) {
                System.err.println("ashlar: audit row " + found.broken()
                        + " was changed, or rows before it were changed, taken out or added");
            }
            if (found.endMissing()) {
                System.err.println("ashlar: rows at the end of the audit log are missing");
            }
            if (!found.expectedFound()) {
                System.err.println("ashlar: the head given with --expect is not in the audit log: it was written anew");
            }
            if (!found.intact()) {
                return 1;
            }
            System.out.println(found.rows() + " rows, unchanged. Head: " + found.head());
            return 0;
        }
    }
}
