package io.ashlar.cli;

import io.ashlar.access.Actor;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.app.Workbench;
import io.ashlar.blueprint.Blueprint;
import io.ashlar.blueprint.Difference;
import io.ashlar.document.Documents;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What administrators set up, as a file: of a running server, or of the one whose data folder this is. */
final class BlueprintCommands {
    private BlueprintCommands() {}

    /** Where the platform is that a command is about. */
    static final class Target {
        @Mixin
        CommonOptions common = new CommonOptions();

        @Option(
                names = "--url",
                paramLabel = "URL",
                description = "A running server's API, such as http://127.0.0.1:8080; without it, the one of --data.")
        @Nullable
        String url;

        @Option(
                names = "--key",
                paramLabel = "KEY",
                description = "An admin key for --url; without it, the variable ASHLAR_ADMIN_KEY.")
        @Nullable
        String key;

        @Nullable
        AdminClient client() {
            if (url == null) {
                return null;
            }
            String secret = key == null ? System.getenv("ASHLAR_ADMIN_KEY") : key;
            if (secret == null) {
                throw new InvalidRequestException("key", "--url needs --key, or the variable ASHLAR_ADMIN_KEY.");
            }
            return new AdminClient(url, secret);
        }
    }

    /** What the server answers to a blueprint. */
    record Applied(List<Difference> changes) {}

    /** Brings the platform to what a file says. */
    @Command(
            name = "apply",
            description =
                    "Brings service classes, deployments, prices and tenants to what a file says, in one transaction,"
                            + " and prints what was different. What the file leaves out stays.",
            mixinStandardHelpOptions = true)
    static final class Apply implements Callable<Integer> {
        @Mixin
        Target target = new Target();

        @Option(
                names = {"-f", "--file"},
                required = true,
                paramLabel = "FILE",
                description = "YAML, as export writes it.")
        Path file = Path.of("");

        @Option(names = "--dry-run", description = "Only prints what would be different.")
        boolean dryRun;

        @Override
        public Integer call() throws IOException {
            if (!Files.isReadable(file)) {
                throw new InvalidRequestException("file", "The file " + file + " cannot be read.");
            }
            Blueprint wanted = Documents.readYaml(Files.readString(file), Blueprint.class);
            List<Difference> found = apply(wanted);
            found.forEach(d -> System.out.println(d.line()));
            System.out.println(
                    found.isEmpty()
                            ? "no changes"
                            : found.size()
                                    + (found.size() == 1 ? " change" : " changes")
                                    + (dryRun ? ", not applied" : ", applied"));
            return 0;
        }

        private List<Difference> apply(Blueprint wanted) {
            AdminClient client = target.client();
            if (client != null) {
                byte[] answer = client.put("/configuration?dry_run=" + dryRun, Documents.json(wanted));
                return Documents.read(Documents.parse(new String(answer, StandardCharsets.UTF_8)), Applied.class)
                        .changes();
            }
            try (Workbench workbench = target.common.workbench()) {
                return workbench.blueprints().apply(wanted, dryRun, Actor.COMMAND_LINE);
            }
        }
    }

    /** Writes the present state. */
    @Command(
            name = "export",
            description = "Writes service classes, deployments, prices and tenants as a file that apply reads.",
            mixinStandardHelpOptions = true)
    static final class Export implements Callable<Integer> {
        @Mixin
        Target target = new Target();

        @Override
        public Integer call() {
            System.out.print(Documents.yaml(state()));
            return 0;
        }

        private Blueprint state() {
            AdminClient client = target.client();
            if (client != null) {
                String answer = new String(client.get("/configuration"), StandardCharsets.UTF_8);
                return Documents.read(Documents.parse(answer), Blueprint.class);
            }
            try (Workbench workbench = target.common.workbench()) {
                return workbench.blueprints().export(Actor.COMMAND_LINE);
            }
        }
    }
}
