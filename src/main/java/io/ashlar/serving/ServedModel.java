package io.ashlar.serving;

import io.ashlar.block.ModelManifest;
import io.ashlar.catalog.Deployment;
import io.ashlar.engine.Chain;
import io.ashlar.engine.Engine;
import io.ashlar.model.GenerationDefaults;
import io.ashlar.model.text.ChatTemplate;
import io.ashlar.model.text.Tokenizer;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** A deployment that answers: its chain on an engine, and what turns text into tokens and back. */
public final class ServedModel {
    private final Deployment deployment;
    private final ModelManifest manifest;
    private final Chain chain;
    private final Engine engine;
    private final Tokenizer tokenizer;
    private final @Nullable ChatTemplate chatTemplate;
    private final Runnable release;
    private int leases;
    private boolean retired;

    /** @param release gives the chain back; called once, after the model is retired and its last lease is over */
    ServedModel(
            Deployment deployment,
            ModelManifest manifest,
            Chain chain,
            Engine engine,
            Tokenizer tokenizer,
            @Nullable ChatTemplate chatTemplate,
            Runnable release) {
        this.deployment = deployment;
        this.manifest = manifest;
        this.chain = chain;
        this.engine = engine;
        this.tokenizer = tokenizer;
        this.chatTemplate = chatTemplate;
        this.release = release;
    }

    public String name() {
        return deployment.name();
    }

    Deployment deployment() {
        return deployment;
    }

    public Instant createdAt() {
        return deployment.createdAt();
    }

    /** Whether tenants may find each other's cached prefixes. */
    public boolean sharesPrefixes() {
        return deployment.sharesPrefixes();
    }

    public Chain chain() {
        return chain;
    }

    public Engine engine() {
        return engine;
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

    /** The longest prompt and answer together, in tokens. */
    public int contextLength() {
        return engine.longestSequence(chain);
    }

    public int vocabularySize() {
        return chain.config().vocabularySize();
    }

    /** Keeps the chain loaded while a request uses it. False when the model is no longer served. */
    synchronized boolean lease() {
        if (retired) {
            return false;
        }
        leases++;
        return true;
    }

    public void endLease() {
        boolean last;
        synchronized (this) {
            last = --leases == 0 && retired;
        }
        if (last) {
            release.run();
        }
    }

    void retire() {
        boolean last;
        synchronized (this) {
            last = !retired && leases == 0;
            retired = true;
        }
        if (last) {
            release.run();
        }
    }
}
