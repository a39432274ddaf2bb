package io.ashlar.cli;

import io.ashlar.access.Actor;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.app.Workbench;
import io.ashlar.block.Quantization;
import io.ashlar.identity.Tenant;
import io.ashlar.serving.ModelSummary;
import io.ashlar.serving.NearImport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Lists, imports and removes models, beside a running server or without one. */
@Command(
        name = "models",
        description = "Lists, imports and removes models.",
        mixinStandardHelpOptions = true,
        subcommands = {Models.ListModels.class, Models.Import.class, Models.Remove.class})
final class Models {
    private static final Actor ACTOR = Actor.COMMAND_LINE;

    private Models() {}

    static String megabytes(long bytes) {
        return String.format(Locale.ROOT, "%,.1f MB", bytes / 1e6);
    }

    /** Each model's bytes, and what it shares with whom. */
    @Command(
            name = "list",
            description = "Shows each model's bytes and what it shares.",
            mixinStandardHelpOptions = true)
    static final class ListModels implements Callable<Integer> {
        @Mixin
        CommonOptions common = new CommonOptions();

        @Override
        public Integer call() {
            try (Workbench workbench = common.workbench()) {
                List<ModelSummary> models = workbench.library().list(ACTOR);
                if (models.isEmpty()) {
                    System.out.println("No models yet. Import one with: ./ashlar models import DIR --name NAME");
                    return 0;
                }
                System.out.printf("%-24s %-10s %12s %12s  %s%n", "MODEL", "KIND", "SIZE", "ITS OWN", "SHARES");
                long apart = 0;
                for (ModelSummary model : models) {
                    apart += model.bytes();
                    System.out.printf(
                            "%-24s %-10s %12s %12s  %s%n",
                            model.name(),
                            model.base() == null ? "model" : "adapter",
                            megabytes(model.bytes()),
                            megabytes(model.ownBytes()),
                            shares(model));
                }
                long together = workbench.library().totalBytes(ACTOR);
                System.out.printf("%nOn disk %s; without sharing %s.%n", megabytes(together), megabytes(apart));
            }
            return 0;
        }

        private static String shares(ModelSummary model) {
            if (model.base() != null) {
                return "runs on " + model.base();
            }
            return model.sharedBytes().entrySet().stream()
                    .map(e -> megabytes(e.getValue()) + " with " + e.getKey())
                    .collect(Collectors.joining(", "));
        }
    }

    /** A model or adapter from a folder. */
    @Command(
            name = "import",
            description =
                    "Imports a model (a GGUF file, or a folder in Hugging Face layout) or an adapter folder, and deploys it under its name.",
            mixinStandardHelpOptions = true)
    static final class Import implements Callable<Integer> {
        @Mixin
        CommonOptions common = new CommonOptions();

        @Parameters(
                paramLabel = "PATH",
                description = "A GGUF file, or the folder with config.json or adapter_config.json.")
        Path folder = Path.of("");

        @Option(names = "--name", required = true, paramLabel = "NAME", description = "What it is called from now on.")
        String name = "";

        @Option(names = "--base", paramLabel = "MODEL", description = "The imported model that an adapter changes.")
        @Nullable
        String base;

        @Option(
                names = "--quantize",
                paramLabel = "TYPE",
                description = "Stores float matrices as q8_0 or q4_0, in half or a quarter of the memory of 16 bits.")
        @Nullable
        String quantize;

        @Option(
                names = "--near",
                paramLabel = "MODEL",
                description = "Stores a fine-tune as MODEL's blocks plus compressed differences, and shows what that"
                        + " changes in its output.")
        @Nullable
        String near;

        @Option(
                names = "--rank",
                paramLabel = "N",
                description = "With --near: the rank of each projection's difference (default: ${DEFAULT-VALUE}).")
        int rank = 32;

        @Option(
                names = "--most-divergence",
                paramLabel = "NATS",
                description = "With --near: the largest mean divergence of the next token's distribution that is"
                        + " accepted (default: ${DEFAULT-VALUE}).")
        double mostDivergence = 0.05;

        @Option(
                names = "--probes",
                paramLabel = "FILE",
                description = "With --near: texts to measure it on, one a line, instead of a few general ones.")
        @Nullable
        Path probes;

        @Option(
                names = "--grant",
                paramLabel = "TENANT",
                description = "A tenant that may use it; may be given more than once.")
        List<String> grants = new ArrayList<>();

        private void importNear(Workbench workbench, Path path, String model) throws IOException {
            if (quantize != null || base != null) {
                throw new InvalidRequestException("near", "--near goes with neither --quantize nor --base.");
            }
            if (rank < 1 || rank > 256) {
                throw new InvalidRequestException("rank", "--rank is 1 to 256, not " + rank + ".");
            }
            List<String> texts = probes == null ? NearImport.TEXTS : Files.readAllLines(probes);
            NearImport how = new NearImport(model, rank, mostDivergence, texts);
            NearImport.Measured measured = workbench.library().importNear(path, name, how, Models::progress, ACTOR);
            System.out.printf(
                    Locale.ROOT,
                    "Its output diverges by %.4f nats on average (worst %.4f) from the exact model, on %d probes.%n",
                    measured.meanDivergence(),
                    measured.worstDivergence(),
                    measured.probes());
        }

        private Quantization type() {
            if (quantize == null) {
                return Quantization.NONE;
            }
            return switch (quantize.toLowerCase(Locale.ROOT)) {
                case "q8_0" -> Quantization.Q8_0;
                case "q4_0" -> Quantization.Q4_0;
                default ->
                    throw new InvalidRequestException(
                            "quantize", "--quantize is q8_0 or q4_0, not '" + quantize + "'.");
            };
        }

        @Override
        public Integer call() throws IOException {
            try (Workbench workbench = common.workbench()) {
                List<Tenant> tenants = new ArrayList<>();
                for (String grant : grants) {
                    tenants.add(workbench
                            .tenants()
                            .named(grant, ACTOR)
                            .orElseThrow(() ->
                                    new InvalidRequestException("grant", "There is no tenant named " + grant + ".")));
                }
                Path path = folder.toAbsolutePath().normalize();
                if (near == null) {
                    workbench.library().importModel(path, name, base, type(), Models::progress, ACTOR);
                } else {
                    importNear(workbench, path, near);
                }
                for (Tenant tenant : tenants) {
                    workbench.catalog().grant(tenant.id(), name, ACTOR);
                }
                for (ModelSummary model : workbench.library().list(ACTOR)) {
                    if (model.name().equals(name)) {
                        System.out.printf(
                                "Imported %s: %s, of which %s were new.%n",
                                name, megabytes(model.bytes()), megabytes(model.ownBytes()));
                    }
                }
                System.out.println(
                        grants.isEmpty()
                                ? "No tenant may use it yet: grant it with --grant TENANT, or in the console."
                                : "Granted to " + String.join(", ", grants) + ".");
            }
            return 0;
        }
    }

    /** One line that is written over, on a terminal or in a log. */
    private static void progress(int blocks, int of) {
        System.err.print("\rStored " + blocks + " of " + of + " blocks" + (blocks == of ? "\n" : ""));
    }

    /** A model and the blocks that nothing else uses. */
    @Command(
            name = "remove",
            description = "Removes a model with its deployment, and the blocks that nothing else uses.",
            mixinStandardHelpOptions = true)
    static final class Remove implements Callable<Integer> {
        @Mixin
        CommonOptions common = new CommonOptions();

        @Parameters(paramLabel = "NAME", description = "The model to remove.")
        String name = "";

        @Override
        public Integer call() {
            try (Workbench workbench = common.workbench()) {
                long freed = workbench.library().remove(name, ACTOR);
                System.out.println("Removed " + name + "; " + megabytes(freed) + " were freed.");
            }
            return 0;
        }
    }
}
