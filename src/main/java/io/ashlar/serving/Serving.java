package io.ashlar.serving;

import io.ashlar.block.AdapterManifest;
import io.ashlar.block.BlockZoo;
import io.ashlar.block.LoadedBlocks;
import io.ashlar.block.ModelManifest;
import io.ashlar.catalog.Catalog;
import io.ashlar.catalog.CatalogModel;
import io.ashlar.catalog.Deployment;
import io.ashlar.database.ChangeFeed;
import io.ashlar.engine.Chain;
import io.ashlar.engine.ChainLoader;
import io.ashlar.engine.Engine;
import io.ashlar.model.text.ChatTemplate;
import io.ashlar.model.text.Tokenizer;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** The deployments that answer, kept as the catalog says they should be. */
public final class Serving {
    private static final System.Logger LOG = System.getLogger(Serving.class.getName());

    private final Catalog catalog;
    private final BlockZoo zoo;
    private final Engine engine;
    private final LoadedBlocks loaded;
    private final ChainLoader chains;
    private final int maxContext;
    private final Map<String, ServedModel> served = new ConcurrentHashMap<>();
    private final Map<String, String> failures = new ConcurrentHashMap<>();
    private final Map<String, Tokenizer> tokenizers = new HashMap<>();
    private final ReentrantLock reconciling = new ReentrantLock();

    /** @param maxContext bounds every model's context, in tokens */
    public Serving(Catalog catalog, BlockZoo zoo, Engine engine, LoadedBlocks loaded, int maxContext) {
        this.catalog = catalog;
        this.zoo = zoo;
        this.engine = engine;
        this.loaded = loaded;
        this.chains = new ChainLoader(loaded);
        this.maxContext = maxContext;
    }

    public void follow(ChangeFeed changes) {
        changes.onChange(
                Set.of("model", "deployment"),
                () -> Thread.ofVirtual().name("reconcile").start(this::reconcile));
    }

    /** Loads what the catalog has and this does not, and retires what it no longer has. */
    public void reconcile() {
        reconciling.lock();
        try {
            Map<String, CatalogModel> models = new HashMap<>();
            catalog.models().forEach(m -> models.put(m.name(), m));
            Map<String, Deployment> wanted = new TreeMap<>();
            catalog.deployments().forEach(d -> wanted.put(d.name(), d));
            for (ServedModel current : List.copyOf(served.values())) {
                if (!current.deployment().equals(wanted.get(current.name()))) {
                    served.remove(current.name());
                    current.retire();
                    LOG.log(System.Logger.Level.INFO, "{0} is no longer served", current.name());
                }
            }
            failures.keySet().retainAll(wanted.keySet());
            for (Deployment deployment : wanted.values()) {
                if (!served.containsKey(deployment.name())) {
                    start(deployment, models);
                }
            }
        } finally {
            reconciling.unlock();
        }
    }

    private void start(Deployment deployment, Map<String, CatalogModel> models) {
        try {
            CatalogModel model = require(models, deployment.model());
            AdapterManifest adapter = model.isAdapter() ? ModelLibrary.adapterManifest(model) : null;
            CatalogModel base = adapter == null ? model : require(models, adapter.base());
            ModelManifest manifest = ModelLibrary.modelManifest(base);
            Chain chain = chains.load(manifest, adapter, maxContext);
            Tokenizer tokenizer = tokenizers.computeIfAbsent(
                    manifest.tokenizer() + "/" + chain.config().vocabularySize(),
                    key -> new Tokenizer(
                            zoo.file(manifest.tokenizer()), chain.config().vocabularySize()));
            String template = manifest.chatTemplate();
            served.put(
                    deployment.name(),
                    new ServedModel(
                            deployment,
                            manifest,
                            chain,
                            engine,
                            tokenizer,
                            template == null ? null : new ChatTemplate(template, manifest.specialTokens()),
                            () -> release(chain)));
            failures.remove(deployment.name());
        } catch (RuntimeException e) {
            failures.put(deployment.name(), String.valueOf(e.getMessage()));
            LOG.log(System.Logger.Level.ERROR, "deployment " + deployment.name() + " cannot be served", e);
        }
    }

    private static CatalogModel require(Map<String, CatalogModel> models, String name) {
        CatalogModel model = models.get(name);
        if (model == null) {
            throw new IllegalStateException("the catalog has no model " + name);
        }
        return model;
    }

    /** Called where the last lease ends, which may be the engine's thread: unmapping is not its work. */
    private void release(Chain chain) {
        engine.forget(chain);
        Thread.ofVirtual().name("release-chain").start(() -> chains.release(chain));
    }

    /** The deployment of this name, kept loaded until {@link ServedModel#endLease}; null when none is served. */
    public @Nullable ServedModel lease(String name) {
        ServedModel model = served.get(name);
        return model != null && model.lease() ? model : null;
    }

    public boolean serves(String name) {
        return served.containsKey(name);
    }

    public Collection<ServedModel> all() {
        return new TreeMap<>(served).values();
    }

    /** Why deployments could not be started, by name. */
    public Map<String, String> failures() {
        return Map.copyOf(failures);
    }

    /** Bytes of weights held, each block once. */
    public long weightBytes() {
        return loaded.bytes();
    }

    public int blockCount() {
        return loaded.blockCount();
    }

    public Engine engine() {
        return engine;
    }
}
