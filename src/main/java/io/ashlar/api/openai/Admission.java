package io.ashlar.api.openai;

import io.ashlar.api.ApiException;
import io.ashlar.api.Intake;
import io.ashlar.engine.EngineBusyException;
import io.ashlar.engine.FinishReason;
import io.ashlar.engine.Generation;
import io.ashlar.engine.GenerationRequest;
import io.ashlar.engine.GenerationUsage;
import io.ashlar.identity.Caller;
import io.ashlar.quota.ConcurrencyLimit;
import io.ashlar.serving.ServedModel;
import io.ashlar.serving.Serving;
import io.ashlar.usage.UsageLedger;
import io.ashlar.usage.UsageRecord;
import io.ashlar.usage.UsageStart;
import java.time.Instant;
import java.util.Locale;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Function;

/**
 * The way of a request into the engine and, however it ends, out of it: a place among the tenant's requests, a lease on the
 * model, a note in the journal; at the end the settled row, and everything given back.
 */
public final class Admission {
    /**
     * A request that is running.
     *
     * @param begun completed when the journal knows of it; nothing is given out before
     * @param settled completed when its row will be in the ledger, whatever happens
     */
    record Admitted(Generation generation, CompletableFuture<Void> begun, CompletableFuture<GenerationUsage> settled) {}

    private static final System.Logger LOG = System.getLogger(Admission.class.getName());

    private final Serving serving;
    private final UsageLedger ledger;
    private final ConcurrencyLimit limit;
    private final Intake intake;

    public Admission(Serving serving, UsageLedger ledger, ConcurrencyLimit limit, Intake intake) {
        this.serving = serving;
        this.ledger = ledger;
        this.limit = limit;
        this.intake = intake;
    }

    /** Completed when the model that a caller names is in memory; at once where there is no such model for them. */
    CompletableFuture<Void> ready(Caller caller, String name) {
        if (!caller.models().contains(name)) {
            return CompletableFuture.completedFuture(null);
        }
        return serving.ready(name).exceptionally(e -> {
            LOG.log(System.Logger.Level.WARNING, "the model " + name + " could not be loaded", e);
            throw ApiException.unavailable("The model '" + name + "' could not be loaded now.", 5);
        });
    }

    /** The model that a caller names, if it is granted. */
    ServedModel lease(Caller caller, String name) {
        ServedModel model = caller.models().contains(name) ? serving.lease(name) : null;
        if (model == null) {
            if (caller.models().contains(name) && serving.failures().containsKey(name)) {
                throw ApiException.unavailable("The model '" + name + "' could not be loaded.", 30);
            }
            if (caller.models().contains(name) && serving.serves(name)) {
                throw ApiException.unavailable("The model '" + name + "' is waiting for memory.", 1);
            }
            throw ApiException.modelNotFound(name);
        }
        return model;
    }

    /**
     * Runs a request of a caller on a model.
     *
     * @param after where the request is settled; must not be the engine's thread
     * @param prepare turns the request into what the engine takes; its failures are the caller's
     */
    Admitted admit(
            Caller caller,
            String modelName,
            UUID request,
            Instant arrived,
            Executor after,
            Function<ServedModel, GenerationRequest> prepare) {
        intake.enter();
        boolean entered = false;
        ServedModel model = null;
        try {
            model = lease(caller, modelName);
            entered = limit.enter(caller.tenant());
            if (!entered) {
                throw ApiException.tooMany(
                        "concurrency_limit",
                        "The tenant " + caller.tenantName() + " already has " + limit.perTenant()
                                + " requests in flight, which is its limit; wait for one to end.",
                        1);
            }
            return start(caller, model, request, arrived, after, prepare.apply(model));
        } catch (EngineBusyException e) {
            leave(caller, model, entered);
            throw ApiException.unavailable("The engine is full: " + e.getMessage() + ".", 1);
        } catch (RuntimeException e) {
            leave(caller, model, entered);
            throw e;
        }
    }

    private void leave(Caller caller, @org.jspecify.annotations.Nullable ServedModel model, boolean entered) {
        if (entered) {
            limit.leave(caller.tenant());
        }
        if (model != null) {
            model.endLease();
        }
        intake.leave();
    }

    private Admitted start(
            Caller caller,
            ServedModel model,
            UUID request,
            Instant arrived,
            Executor after,
            GenerationRequest generationRequest) {
        Generation generation = model.engine().submit(generationRequest);
        UsageStart start = new UsageStart(
                request,
                caller.tenant(),
                caller.project(),
                caller.key(),
                model.name(),
                generationRequest.prompt().length,
                arrived);
        CompletableFuture<Void> begun = ledger.begin(start, generation::completionTokens);
        // Off the engine's thread: settling writes to the journal.
        CompletableFuture<GenerationUsage> settled = generation
                .ended()
                .thenComposeAsync(
                        usage -> {
                            CompletableFuture<Void> written = ledger.settle(row(start, usage));
                            leave(caller, model, true);
                            return written.thenApply(v -> usage);
                        },
                        after);
        return new Admitted(generation, begun, settled);
    }

    private static UsageRecord row(UsageStart start, GenerationUsage usage) {
        UsageRecord.Status status = switch (usage.reason()) {
            case STOP, LENGTH -> UsageRecord.Status.COMPLETED;
            case CANCELLED -> UsageRecord.Status.CANCELLED;
            case FAILED -> UsageRecord.Status.FAILED;
        };
        return new UsageRecord(
                start,
                usage.cachedTokens(),
                usage.completionTokens(),
                usage.queueNanos() / 1000,
                usage.firstTokenNanos() < 0 ? null : (Long) (usage.firstTokenNanos() / 1000),
                usage.totalNanos() / 1000,
                word(usage.reason()),
                status);
    }

    static String word(FinishReason reason) {
        return reason.name().toLowerCase(Locale.ROOT);
    }
}
