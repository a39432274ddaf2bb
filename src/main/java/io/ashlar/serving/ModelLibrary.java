package io.ashlar.serving;

import io.ashlar.access.Actor;
import io.ashlar.access.Guarded;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.access.Permission;
import io.ashlar.audit.AuditLog;
import io.ashlar.audit.Change;
import io.ashlar.block.AdapterManifest;
import io.ashlar.block.BlockZoo;
import io.ashlar.block.Importer;
import io.ashlar.block.ModelManifest;
import io.ashlar.block.Quantization;
import io.ashlar.catalog.Catalog;
import io.ashlar.catalog.CatalogModel;
import io.ashlar.engine.Divergence;
import io.ashlar.model.format.Checkpoint;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.transaction.support.TransactionTemplate;
import tools.jackson.databind.json.JsonMapper;

/** Imports, lists and removes models: blocks in the zoo, names in the catalog. */
@Guarded
public final class ModelLibrary {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._/-]{0,127}");

    private final BlockZoo zoo;
    private final Catalog catalog;
    private final AuditLog audit;
    private final TransactionTemplate transactions;

    public ModelLibrary(BlockZoo zoo, Catalog catalog, AuditLog audit, TransactionTemplate transactions) {
        this.zoo = zoo;
        this.catalog = catalog;
        this.audit = audit;
        this.transactions = transactions;
    }

    /**
     * Imports a folder or file and deploys it under the same name.
     *
     * @param base the imported model that an adapter changes; null takes the one that its configuration names
     */
    public void importModel(
            Path path,
            String name,
            @Nullable String base,
            Quantization quantize,
            Importer.Progress progress,
            Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        checkName(name);
        zoo.exclusively(() -> {
            checkFree(name);
            try (Checkpoint folder = Checkpoint.open(path)) {
                String baseName = folder.isAdapter() ? baseName(folder, base) : null;
                Object manifest = baseName == null
                        ? new Importer(zoo).model(folder, quantize, progress)
                        : new Importer(zoo).adapter(folder, baseName, manifest(baseName));
                transactions.executeWithoutResult(t -> {
                    catalog.addModel(name, baseName, manifest);
                    catalog.addDeployment(name, name);
                    audit.record(actor, "model.import", name, Change.made(null, Map.of("folder", path.toString())));
                });
            }
            return name;
        });
    }

    /**
     * Imports a fine-tune as its base's blocks plus a compressed difference, if its output stays near enough.
     *
     * @return the measured divergence
     */
    public NearImport.Measured importNear(
            Path path, String name, NearImport near, Importer.Progress progress, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        checkName(name);
        return zoo.exclusively(() -> {
            checkFree(name);
            ModelManifest base = manifest(near.base());
            try (Checkpoint checkpoint = Checkpoint.open(path)) {
                Importer importer = new Importer(zoo);
                AdapterManifest difference = importer.difference(checkpoint, near.base(), base, near.rank());
                ModelManifest exact = importer.model(checkpoint, Quantization.NONE, progress);
                Divergence divergence = Divergence.measure(zoo, exact, base, difference, near.probes());
                if (divergence.mean() > near.mostDivergence()) {
                    throw new InvalidRequestException(
                            "near",
                            String.format(
                                    java.util.Locale.ROOT,
                                    "With differences of rank %d the model's output diverges by %.4f nats on average"
                                            + " (worst %.4f, %d probes), more than the limit of %.4f; raise --rank, or"
                                            + " import it exactly.",
                                    near.rank(),
                                    divergence.mean(),
                                    divergence.worst(),
                                    divergence.probes(),
                                    near.mostDivergence()));
                }
                transactions.executeWithoutResult(t -> {
                    catalog.addModel(name, near.base(), difference);
                    catalog.addDeployment(name, name);
                    audit.record(
                            actor,
                            "model.import",
                            name,
                            Change.made(
                                    null,
                                    Map.of(
                                            "folder", path.toString(),
                                            "near", near.base(),
                                            "rank", String.valueOf(near.rank()),
                                            "divergence", String.valueOf(divergence.mean()))));
                });
                return new NearImport.Measured(divergence.mean(), divergence.worst(), divergence.probes());
            } finally {
                // The exact blocks were needed for the measurement only.
                sweep();
            }
        });
    }

    private static void checkName(String name) {
        if (!NAME.matcher(name).matches()) {
            throw new InvalidRequestException(
                    "name",
                    "A model's name has 1 to 128 letters, digits and . _ / -, and starts with a letter or digit.");
        }
    }

    private void checkFree(String name) {
        if (catalog.model(name).isPresent()) {
            throw new InvalidRequestException(
                    "name", "There is already a model named " + name + "; remove it first, or choose another name.");
        }
    }

    private String baseName(Checkpoint folder, @Nullable String given) {
        String configured = folder.config().textOrNull("base_model_name_or_path");
        String name = given != null ? given : configured;
        if (name == null || catalog.model(name).filter(m -> !m.isAdapter()).isEmpty()) {
            throw new InvalidRequestException(
                    "base",
                    "The adapter changes the model " + (name == null ? "(unnamed)" : name)
                            + ", which is not imported; import it first, or name another with --base.");
        }
        return name;
    }

    private ModelManifest manifest(String name) {
        return catalog.model(name)
                .map(ModelLibrary::modelManifest)
                .orElseThrow(() -> new InvalidRequestException("base", "There is no model named " + name + "."));
    }

    static ModelManifest modelManifest(CatalogModel model) {
        return JsonMapper.shared().treeToValue(model.manifest(), ModelManifest.class);
    }

    static AdapterManifest adapterManifest(CatalogModel model) {
        return JsonMapper.shared().treeToValue(model.manifest(), AdapterManifest.class);
    }

    /** Each model and what it shares. */
    public List<ModelSummary> list(Actor actor) {
        actor.require(Permission.SEE_PLATFORM);
        List<CatalogModel> models = catalog.models();
        Map<String, Set<String>> blocks = new LinkedHashMap<>();
        for (CatalogModel model : models) {
            blocks.put(model.name(), blocksOf(model));
        }
        List<ModelSummary> summaries = new ArrayList<>();
        for (CatalogModel model : models) {
            Set<String> own = new HashSet<>(blocks.getOrDefault(model.name(), Set.of()));
            int count = own.size();
            long bytes = bytes(own);
            Map<String, Long> shared = new LinkedHashMap<>();
            for (CatalogModel other : models) {
                if (!other.name().equals(model.name())) {
                    Set<String> both = new HashSet<>(blocks.getOrDefault(other.name(), Set.of()));
                    both.retainAll(blocks.getOrDefault(model.name(), Set.of()));
                    if (!both.isEmpty()) {
                        shared.put(other.name(), bytes(both));
                        own.removeAll(both);
                    }
                }
            }
            summaries.add(new ModelSummary(model.name(), model.base(), bytes, bytes(own), count, shared));
        }
        return summaries;
    }

    /**
     * A model's blocks from the first to the last.
     *
     * @param base the model that an adapter changes; null for a model
     */
    public record Chain(String name, @Nullable String base, List<Block> blocks) {}

    /** A block, and the models that use it. */
    public record Block(String id, long bytes, List<String> models) {}

    /** All models as what they are made of. */
    public List<Chain> chains(Actor actor) {
        actor.require(Permission.SEE_PLATFORM);
        List<CatalogModel> models = catalog.models();
        Map<String, List<String>> users = new LinkedHashMap<>();
        Map<String, List<String>> chains = new LinkedHashMap<>();
        for (CatalogModel model : models) {
            List<String> chain = model.isAdapter()
                    ? List.of(adapterManifest(model).block())
                    : modelManifest(model).chain();
            chains.put(model.name(), chain);
            Set.copyOf(chain)
                    .forEach(b ->
                            users.computeIfAbsent(b, k -> new ArrayList<>()).add(model.name()));
        }
        return models.stream()
                .map(m -> new Chain(
                        m.name(),
                        m.base(),
                        chains.getOrDefault(m.name(), List.of()).stream()
                                .map(b -> new Block(b, zoo.bytes(b), users.getOrDefault(b, List.of())))
                                .toList()))
                .toList();
    }

    /** Bytes that all models together take on disk. */
    public long totalBytes(Actor actor) {
        actor.require(Permission.SEE_PLATFORM);
        Set<String> all = new HashSet<>();
        catalog.models().forEach(m -> all.addAll(blocksOf(m)));
        return bytes(all);
    }

    private static Set<String> blocksOf(CatalogModel model) {
        return model.isAdapter()
                ? Set.of(adapterManifest(model).block())
                : new HashSet<>(modelManifest(model).chain());
    }

    private long bytes(Set<String> blocks) {
        return blocks.stream().mapToLong(zoo::bytes).sum();
    }

    /**
     * Removes a model with its deployment, and the blocks that nothing else uses.
     *
     * @return bytes freed on disk
     */
    public long remove(String name, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        return zoo.exclusively(() -> {
            List<CatalogModel> models = catalog.models();
            if (models.stream().noneMatch(m -> m.name().equals(name))) {
                throw new InvalidRequestException("name", "There is no model named " + name + ".");
            }
            List<String> adapters = models.stream()
                    .filter(m -> name.equals(m.base()))
                    .map(CatalogModel::name)
                    .toList();
            if (!adapters.isEmpty()) {
                throw new InvalidRequestException(
                        "name",
                        "The model " + name + " is the base of " + String.join(", ", adapters)
                                + "; remove those first.");
            }
            transactions.executeWithoutResult(t -> {
                catalog.removeModel(name);
                audit.record(actor, "model.remove", name, Change.removed(null, Map.of("name", name)));
            });
            return sweep();
        });
    }

    private long sweep() {
        Set<String> keep = new HashSet<>();
        for (CatalogModel model : catalog.models()) {
            keep.addAll(blocksOf(model));
            if (!model.isAdapter()) {
                keep.add(modelManifest(model).tokenizer());
            }
        }
        return zoo.sweep(keep);
    }
}
