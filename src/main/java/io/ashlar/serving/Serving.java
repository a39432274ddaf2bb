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
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** The deployments that answer, kept as the catalog says they should be. */
public final class Serving {
    private static final System.Logger LOG = System.getLogger(Serving.class.getName());

    private final Catalog catalog;
    private final BlockZoo zoo;
    private final Engine engine;
    private final LoadedBlocks loaded;
    private final ChainLoader chains;
    private final ServingLimits limits;
    private final ReentrantLock loadingChains = new ReentrantLock();
    private final Executor loaders = Executors.newThreadPerTaskExecutor(
            Thread.ofVirtual().name("load-", 0).factory());
    private final Map<String, ServedModel> served = new ConcurrentHashMap<>();
    private final Map<String, String> failures = new ConcurrentHashMap<>();
    private final Map<String, Tokenizer> tokenizers = new HashMap<>();
    private final ReentrantLock reconciling = new ReentrantLock();

    public Serving(Catalog catalog, BlockZoo zoo, Engine engine, LoadedBlocks loaded, ServingLimits limits) {
        this.catalog = catalog;
        this.zoo = zoo;
        this.engine = engine;
        this.loaded = loaded;
        this.chains = new ChainLoader(loaded);
        this.limits = limits;
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
            int vocabulary = manifest.modelConfig().vocabularySize();
            Tokenizer tokenizer = tokenizers.computeIfAbsent(
                    manifest.tokenizer() + "/" + vocabulary,
                    key -> new Tokenizer(zoo.file(manifest.tokenizer()), vocabulary));
            String template = manifest.chatTemplate();
            ServedModel deployed = new ServedModel(
                    deployment,
                    manifest,
                    adapter != null,
                    limits.maxContext(),
                    engine,
                    tokenizer,
                    template == null ? null : new ChatTemplate(template, manifest.specialTokens()),
                    () -> load(manifest, adapter),
                    this::release);
            // Adapters are many and load fast: they come when they are asked for. So do models beyond the memory.
            if (adapter == null && fits(manifest)) {
                deployed.wake(Runnable::run).join();
            }
            served.put(deployment.name(), deployed);
            failures.remove(deployment.name());
        } catch (RuntimeException e) {
            Throwable cause = e instanceof CompletionException && e.getCause() != null ? e.getCause() : e;
            failures.put(deployment.name(), String.valueOf(cause.getMessage()));
            LOG.log(System.Logger.Level.ERROR, "deployment " + deployment.name() + " cannot be served", e);
        }
    }

    private boolean fits(ModelManifest manifest) {
        return loaded.bytes() + loaded.missingBytes(manifest.chain()) <= limits.weightBytes();
    }

    /** Makes room and loads; one chain at a time, since each needs to know what the others took. */
    private Chain load(ModelManifest manifest, @Nullable AdapterManifest adapter) {
        loadingChains.lock();
        try {
            while (!fits(manifest)) {
                if (!sleepOne(model -> true)) {
                    throw new IllegalStateException("its blocks do not fit beside those in use: "
                            + loaded.missingBytes(manifest.chain()) + " bytes more are needed, "
                            + Math.max(0, limits.weightBytes() - loaded.bytes()) + " are free");
                }
            }
            if (adapter != null) {
                while (residentAdapters() >= limits.adapters() && sleepOne(ServedModel::isAdapter)) {
                    // until there is a place
                }
            }
            Chain chain = chains.load(manifest, adapter, limits.maxContext());
            engine.place(chain);
            return chain;
        } finally {
            loadingChains.unlock();
        }
    }

    private long residentAdapters() {
        return served.values().stream()
                .filter(m -> m.isAdapter() && m.readiness() == ServedModel.Readiness.READY)
                .count();
    }

    /** Puts the model to sleep that nobody has used for longest. False when all are in use. */
    private boolean sleepOne(Predicate<ServedModel> which) {
        while (true) {
            ServedModel idlest = served.values().stream()
                    .filter(which)
                    .filter(m -> m.idleSince() != Long.MAX_VALUE)
                    .min(Comparator.comparingLong(ServedModel::idleSince))
                    .orElse(null);
            if (idlest == null) {
                return false;
            }
            Chain idle = idlest.sleep();
            if (idle != null) {
                releaseNow(idle);
                LOG.log(System.Logger.Level.INFO, "{0} sleeps: its memory is needed", idlest.name());
                return true;
            }
        }
    }

    /**
     * Completed when a lease on the model can be had at once; at once where the model is not served. A model that cannot be
     * loaded now completes it with the reason.
     */
    public CompletableFuture<Void> ready(String name) {
        ServedModel model = served.get(name);
        return model == null ? CompletableFuture.completedFuture(null) : model.wake(loaders);
    }

    private static CatalogModel require(Map<String, CatalogModel> models, String name) {
        CatalogModel model = models.get(name);
        if (model == null) {
            throw new IllegalStateException("the catalog has no model " + name);
        }
        return model;
    }

    /** Called where the last lease ends, which may be an event loop: unmapping is not its work. */
    private void release(Chain chain) {
        loaders.execute(() -> releaseNow(chain));
    }

    private void releaseNow(Chain chain) {
        engine.forget(chain);
        chains.release(chain);
    }

    /** The deployment of this name, kept loaded until {@link ServedModel#endLease}; null when none is ready. */
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
