package io.ashlar.serving;

import io.ashlar.block.ModelManifest;
import io.ashlar.catalog.Deployment;
import io.ashlar.engine.Chain;
import io.ashlar.engine.Engine;
import io.ashlar.model.GenerationDefaults;
import io.ashlar.model.ModelConfig;
import io.ashlar.model.text.ChatTemplate;
import io.ashlar.model.text.Tokenizer;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A deployment that answers: what turns text into tokens and back, and its chain on an engine while it is resident. A model
 * that is asleep wakes at its first request; one that nobody uses may be put to sleep when its memory is needed.
 */
public final class ServedModel implements Served {
    /** Whether a request would be answered at once. */
    public enum Readiness {
        /** Its blocks are in memory. */
        READY,
        /** They are on their way. */
        LOADING,
        /** They are on disk, and come at the first request. */
        ASLEEP
    }

    private final Deployment deployment;
    private final ModelManifest manifest;
    private final boolean adapter;
    private final int contextLength;
    private final int vocabularySize;
    private final Engine engine;
    private final Tokenizer tokenizer;
    private final @Nullable ChatTemplate chatTemplate;
    private final Supplier<Chain> load;
    private final Consumer<Chain> release;
    private @Nullable Chain chain;
    private @Nullable CompletableFuture<Void> loading;
    private int leases;
    private volatile boolean draining;
    private boolean retired;
    private long lastUse;

    /**
     * @param load brings the chain into memory; called by one thread at a time
     * @param release gives the chain back, when nobody uses it
     */
    ServedModel(
            Deployment deployment,
            ModelManifest manifest,
            boolean adapter,
            int maxContext,
            Engine engine,
            Tokenizer tokenizer,
            @Nullable ChatTemplate chatTemplate,
            Supplier<Chain> load,
            Consumer<Chain> release) {
        this.deployment = deployment;
        this.manifest = manifest;
        this.adapter = adapter;
        ModelConfig config = manifest.modelConfig();
        this.vocabularySize = config.vocabularySize();
        this.contextLength = engine.longestSequence(config, Math.min(config.contextLength(), maxContext));
        this.engine = engine;
        this.tokenizer = tokenizer;
        this.chatTemplate = chatTemplate;
        this.load = load;
        this.release = release;
    }

    @Override
    public String name() {
        return deployment.name();
    }

    Deployment deployment() {
        return deployment;
    }

    @Override
    public boolean draining() {
        return draining;
    }

    void setDraining(boolean drains) {
        draining = drains;
    }

    @Override
    public Instant createdAt() {
        return deployment.createdAt();
    }

    public boolean isAdapter() {
        return adapter;
    }

    /** Whether tenants may find each other's cached prefixes. */
    public boolean sharesPrefixes() {
        return deployment.sharesPrefixes();
    }

    public synchronized Readiness readiness() {
        return chain != null ? Readiness.READY : loading != null ? Readiness.LOADING : Readiness.ASLEEP;
    }

    /** Its chain; only to be asked for during a lease. */
    public synchronized Chain chain() {
        Chain resident = chain;
        if (resident == null) {
            throw new IllegalStateException(name() + " is asleep");
        }
        return resident;
    }

    public Engine engine() {
        return engine;
    }

    @Override
    public String place() {
        return engine.deviceName();
    }

    public Tokenizer tokenizer() {
        return tokenizer;
    }

    public @Nullable ChatTemplate chatTemplate() {
        return chatTemplate;
    }

    public GenerationDefaults defaults() {
        return manifest.generation();
    }

    @Override
    public int contextLength() {
        return contextLength;
    }

    public int vocabularySize() {
        return vocabularySize;
    }

    /** Completed when the chain is resident, or could not be loaded. Requests that come while it loads wait for the same. */
    CompletableFuture<Void> wake(Executor executor) {
        synchronized (this) {
            if (chain != null || retired) {
                return CompletableFuture.completedFuture(null);
            }
            CompletableFuture<Void> running = loading;
            if (running != null) {
                return running;
            }
            CompletableFuture<Void> started = new CompletableFuture<>();
            loading = started;
            executor.execute(() -> load(started));
            return started;
        }
    }

    private void load(CompletableFuture<Void> started) {
        try {
            Chain loaded = load.get();
            boolean late;
            synchronized (this) {
                late = retired;
                chain = late ? null : loaded;
                loading = null;
                lastUse = System.nanoTime();
            }
            if (late) {
                release.accept(loaded);
            }
            started.complete(null);
        } catch (RuntimeException e) {
            synchronized (this) {
                loading = null;
            }
            started.completeExceptionally(e);
        }
    }

    /** Keeps the chain loaded while a request uses it. False when the model is asleep, or no longer served. */
    synchronized boolean lease() {
        if (retired || chain == null) {
            return false;
        }
        leases++;
        lastUse = System.nanoTime();
        return true;
    }

    @Override
    public void endLease() {
        Chain last;
        synchronized (this) {
            lastUse = System.nanoTime();
            last = --leases == 0 && retired ? takeChain() : null;
        }
        if (last != null) {
            release.accept(last);
        }
    }

    void retire() {
        Chain last;
        synchronized (this) {
            retired = true;
            last = leases == 0 ? takeChain() : null;
        }
        if (last != null) {
            release.accept(last);
        }
    }

    /** Gives up its chain, for the caller to release; null while the model is used, or asleep. */
    synchronized @Nullable Chain sleep() {
        return leases == 0 ? takeChain() : null;
    }

    private @Nullable Chain takeChain() {
        Chain taken = chain;
        chain = null;
        return taken;
    }

    /** When it was last used, for comparison; {@link Long#MAX_VALUE} while it cannot be put to sleep. */
    synchronized long idleSince() {
        return chain == null || leases > 0 ? Long.MAX_VALUE : lastUse;
    }
}
