package io.ashlar.api.openai;

import io.ashlar.api.ApiException;
import io.ashlar.api.Intake;
import io.ashlar.engine.EngineBusyException;
import io.ashlar.engine.FinishReason;
import io.ashlar.engine.Generation;
import io.ashlar.engine.GenerationUsage;
import io.ashlar.engine.OverloadedException;
import io.ashlar.identity.Caller;
import io.ashlar.quota.Attainment;
import io.ashlar.quota.ConcurrencyLimit;
import io.ashlar.quota.Demand;
import io.ashlar.quota.QuotaRefusal;
import io.ashlar.quota.Quotas;
import io.ashlar.quota.Reservation;
import io.ashlar.quota.ServiceClasses;
import io.ashlar.quota.WaitingLines;
import io.ashlar.scheduler.LengthForecast;
import io.ashlar.scheduler.LengthPredictor;
import io.ashlar.scheduler.ServiceClass;
import io.ashlar.scheduler.Terms;
import io.ashlar.serving.RequestLog;
import io.ashlar.serving.Served;
import io.ashlar.serving.Serving;
import io.ashlar.serving.Transcript;
import io.ashlar.serving.UpstreamFailure;
import io.ashlar.serving.Work;
import io.ashlar.usage.UsageLedger;
import io.ashlar.usage.UsageRecord;
import io.ashlar.usage.UsageStart;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The way of a request into the engine and, however it ends, out of it: a place among the tenant's requests, a lease on the
 * model, a part of every limit, a promise that can be kept, a note in the journal; at the end the settled row, and everything
 * given back.
 */
public final class Admission {
    /**
     * A request that is running.
     *
     * @param begun completed when the journal knows of it and its tokens are on their way; nothing is given out before
     * @param settled completed when its row will be in the ledger, whatever happens
     * @param warnings soft budgets that it reached, in words
     */
    record Admitted(
            Generation generation,
            CompletableFuture<Void> begun,
            CompletableFuture<GenerationUsage> settled,
            List<String> warnings) {}

    /**
     * A request as it came.
     *
     * @param after where it is settled; must not be the engine's thread
     */
    record Request(Caller caller, String model, UUID id, Instant arrived, Executor after) {}

    /** What is to be done, and the class that it runs in. */
    record Prepared(Work work, ServiceClass serviceClass) {}

    /**
     * What admission decides by.
     *
     * @param limit on what each tenant has in flight here, whatever its own limits are
     */
    public record Rules(
            ConcurrencyLimit limit,
            Quotas quotas,
            ServiceClasses classes,
            WaitingLines lines,
            LengthPredictor predictor,
            Attainment attainment) {}

    private static final System.Logger LOG = System.getLogger(Admission.class.getName());

    private final Serving serving;
    private final UsageLedger ledger;
    private final Rules rules;
    private final Intake intake;
    private final RequestLog log;
    private final RequestMeters meters;

    public Admission(
            Serving serving, UsageLedger ledger, Rules rules, Intake intake, RequestLog log, MeterRegistry registry) {
        this.serving = serving;
        this.ledger = ledger;
        this.rules = rules;
        this.intake = intake;
        this.log = log;
        this.meters = new RequestMeters(registry, rules.attainment);
    }

    /**
     * Completed when the model that a caller names is in memory and its limits are known; the model is not waited for where
     * there is no such one for them.
     */
    CompletableFuture<Void> ready(Caller caller, String name) {
        CompletableFuture<Void> limits = rules.quotas.ready(caller).exceptionally(e -> {
            LOG.log(System.Logger.Level.WARNING, "the limits of a tenant could not be read", e);
            throw ApiException.unavailable("The limits of the API key cannot be checked at the moment.", 5);
        });
        if (!caller.models().contains(name)) {
            return limits;
        }
        CompletableFuture<Void> model = serving.ready(name).exceptionally(e -> {
            LOG.log(System.Logger.Level.WARNING, "the model " + name + " could not be loaded", e);
            throw ApiException.unavailable("The model '" + name + "' could not be loaded now.", 5);
        });
        return limits.isDone() && model.isDone()
                ? limits.thenCombine(model, (a, b) -> a)
                : CompletableFuture.allOf(limits, model);
    }

    /** The class that a request runs in: its tenant's, or the lower one that it asks for. */
    ServiceClass serviceClass(Caller caller, @Nullable String asked) {
        ServiceClass own = rules.classes.find(caller.serviceClass());
        if (own == null) {
            own = ServiceClass.STANDARD;
        }
        if (asked == null || asked.equals("auto") || asked.equals("default")) {
            return own;
        }
        String name = asked.equals("flex") ? "batch" : asked.equals("priority") ? "interactive" : asked;
        ServiceClass found = rules.classes.find(name);
        if (found == null) {
            throw ApiException.invalid(
                    "service_tier",
                    "'service_tier' must be auto, default, flex, priority or one of "
                            + String.join(
                                    ", ",
                                    rules.classes.all().stream()
                                            .map(ServiceClass::name)
                                            .toList())
                            + ", but is '" + (asked.length() <= 60 ? asked : asked.substring(0, 60) + "...") + "'.");
        }
        if (found.order() < own.order()) {
            throw ApiException.invalid(
                    "service_tier",
                    "'service_tier' asks for the class '" + found.name() + "', which is higher than the tenant's own, '"
                            + own.name() + "'.");
        }
        return found;
    }

    /** The most tokens that a limit allows an answer to have. */
    int largestOutput(Caller caller, String model) {
        return rules.quotas.largestOutput(caller, model);
    }

    /** The model that a caller names, if it is granted. */
    Served lease(Caller caller, String name) {
        Served model = caller.models().contains(name) ? serving.lease(name) : null;
        if (model == null) {
            if (caller.models().contains(name) && serving.failures().containsKey(name)) {
                throw ApiException.unavailable("The model '" + name + "' could not be loaded.", 30);
            }
            if (caller.models().contains(name) && serving.serves(name)) {
                throw ApiException.unavailable("The model '" + name + "' is waiting for memory.", 1);
            }
            throw ApiException.modelNotFound(name);
        }
        if (model.draining()) {
            model.endLease();
            throw ApiException.unavailable("The model '" + name + "' takes no new requests: it is being drained.", 30);
        }
        return model;
    }

    /**
     * Runs a request of a caller on a model, at once or when it has waited in line.
     *
     * @param prepare turns the request into what the engine takes; its failures are the caller's
     * @return fails with what the caller is told; to be cancelled when the caller goes away
     */
    CompletableFuture<Admitted> admit(Request of, Function<Served, Prepared> prepare) {
        intake.enter();
        boolean entered = false;
        Served model = null;
        try {
            model = lease(of.caller, of.model);
            entered = rules.limit.enter(of.caller.tenant());
            if (!entered) {
                throw ApiException.tooMany(
                        "concurrency_limit",
                        "The tenant " + of.caller.tenantName() + " already has " + rules.limit.perTenant()
                                + " requests in flight, which is its limit; wait for one to end.",
                        1);
            }
            return admit(of, model, prepare.apply(model));
        } catch (RuntimeException e) {
            leave(of.caller, model, entered);
            throw e;
        }
    }

    private CompletableFuture<Admitted> admit(Request of, Served model, Prepared prepared) {
        Work work = prepared.work;
        Stay stay = new Stay(() -> leave(of.caller, model, true));
        int prompt = work.promptTokens();
        LengthForecast forecast = rules.predictor.forecast(of.caller.tenantName(), of.model, prompt);
        Terms terms = new Terms(of.model, of.caller.tenantName(), of.caller.weight(), prepared.serviceClass, forecast);
        int most = (int) Math.min(Integer.MAX_VALUE, (long) work.maxTokens() * work.choices());
        int predicted = (int) Math.min(most, (long) forecast.expected(0, work.maxTokens()) * work.choices());
        Demand demand = new Demand(of.caller, of.model, prompt, most, predicted, of.arrived);
        CompletableFuture<Admitted> admitted = rules.lines.enter(
                of.caller.tenantName(),
                prepared.serviceClass,
                () -> attempt(of, stay, work, terms, demand),
                Admission::retryAfter,
                late -> late.generation().cancel());
        return admitted.whenComplete((running, failure) -> {
            stay.end();
            if (failure != null && !(failure instanceof CancellationException)) {
                refused(of, prepared, failure);
            }
        });
    }

    private static Duration retryAfter(Throwable failure) {
        return switch (failure) {
            case QuotaRefusal refusal -> refusal.retryAfter();
            case OverloadedException overload -> overload.retryAfter();
            case EngineBusyException busy -> Duration.ofMillis(200);
            case UpstreamFailure upstream when upstream.kind() == UpstreamFailure.Kind.BUSY -> upstream.retryAfter();
            default -> Duration.ZERO;
        };
    }

    /** Where what is said is kept; null for a tenant that has not asked for it. */
    @Nullable
    Transcript transcript(Caller caller, UUID id, Supplier<String> asked) {
        if (!caller.logsContent()) {
            return null;
        }
        Transcript transcript = new Transcript(asked.get());
        log.keep(id, transcript);
        return transcript;
    }

    private void refused(Request of, Prepared prepared, Throwable failure) {
        ApiException told = told(failure);
        if (told.code() != null && (told.status() == 429 || told.status() == 503 || told.status() == 400)) {
            meters.refused(of.caller.tenantName(), of.model, prepared.serviceClass, told.code());
            log.note(entry(of, prepared.serviceClass, prepared.work.promptTokens(), null, told.getMessage()));
        }
    }

    /** What the caller is told of a failure. */
    static ApiException told(Throwable failure) {
        return switch (failure) {
            case ApiException known -> known;
            case QuotaRefusal refusal -> told(refusal);
            case OverloadedException overload ->
                ApiException.overloaded(
                        "The platform is overloaded: " + overload.getMessage() + ".", seconds(overload.retryAfter()));
            case EngineBusyException busy ->
                ApiException.unavailable("The engine is full: " + busy.getMessage() + ".", 1);
            case UpstreamFailure upstream -> told(upstream);
            case CompletionException wrapped when wrapped.getCause() != null -> told(wrapped.getCause());
            default -> {
                LOG.log(System.Logger.Level.WARNING, "a request could not be let in", failure);
                yield ApiException.unavailable("The limits of the API key cannot be checked at the moment.", 5);
            }
        };
    }

    private static ApiException told(UpstreamFailure failure) {
        String message = String.valueOf(failure.getMessage());
        return switch (failure.kind()) {
            case REFUSED -> ApiException.invalid(failure.field(), "refused_by_upstream", message);
            case BUSY -> ApiException.overloaded(message, seconds(failure.retryAfter()));
            case BROKEN -> ApiException.unavailable(message, seconds(failure.retryAfter()));
        };
    }

    private static ApiException told(QuotaRefusal refusal) {
        String message = String.valueOf(refusal.getMessage());
        return switch (refusal.code()) {
            case PROMPT_TOO_LONG -> ApiException.invalid(null, "prompt_too_long", message);
            case OUTPUT_TOO_LONG -> ApiException.invalid("max_tokens", "output_too_long", message);
            default ->
                ApiException.tooMany(
                        refusal.code().name().toLowerCase(Locale.ROOT), message, seconds(refusal.retryAfter()));
        };
    }

    private static int seconds(Duration duration) {
        return duration.isZero()
                ? 0
                : (int) Math.min(
                        Integer.MAX_VALUE, Math.max(1, duration.plusMillis(999).toSeconds()));
    }

    private void leave(Caller caller, @Nullable Served model, boolean entered) {
        if (entered) {
            rules.limit.leave(caller.tenant());
        }
        if (model != null) {
            model.endLease();
        }
        intake.leave();
    }

    /** One try: a part of every limit, and then the engine. */
    private CompletableFuture<Admitted> attempt(Request of, Stay stay, Work work, Terms terms, Demand demand) {
        return rules.quotas.reserve(demand).thenApply(reservation -> {
            if (!stay.hold()) {
                rules.quotas.cancel(reservation);
                throw new CancellationException("the request went away");
            }
            try {
                return start(of, stay, work, terms, reservation);
            } catch (RuntimeException e) {
                rules.quotas.cancel(reservation);
                stay.end();
                throw e;
            }
        });
    }

    private Admitted start(Request of, Stay stay, Work work, Terms terms, Reservation reservation) {
        Work.Started started = work.start().apply(terms);
        Generation generation = started.generation();
        ServiceClass serviceClass = terms.serviceClass();
        int prompt = work.promptTokens();
        Caller caller = of.caller;
        UsageStart start =
                new UsageStart(of.id, caller.tenant(), caller.project(), caller.key(), of.model, prompt, of.arrived);
        log.note(entry(of, serviceClass, prompt, generation, null));
        CompletableFuture<Void> noted = ledger.begin(start, generation::completionTokens);
        CompletableFuture<Void> opened = started.opened();
        CompletableFuture<Void> begun = opened.isDone() && !opened.isCompletedExceptionally()
                ? noted
                : noted.thenCombineAsync(opened, (a, b) -> a, of.after);
        // Off the engine's thread: settling writes to the journal.
        CompletableFuture<GenerationUsage> settled = generation
                .ended()
                .thenComposeAsync(
                        usage -> {
                            CompletableFuture<Void> written = ledger.settle(row(start, usage));
                            rules.quotas.settle(
                                    reservation, usage.promptTokens(), usage.cachedTokens(), usage.completionTokens());
                            learn(of, work, usage);
                            meters.ended(caller.tenantName(), of.model, serviceClass, usage);
                            stay.end();
                            return written.thenApply(v -> usage);
                        },
                        of.after);
        return new Admitted(generation, begun, settled, reservation.warnings());
    }

    private void learn(Request of, Work work, GenerationUsage usage) {
        boolean whole = usage.reason() == FinishReason.STOP || usage.reason() == FinishReason.LENGTH;
        if (whole && work.choices() == 1) {
            rules.predictor.observe(of.caller.tenantName(), of.model, usage.promptTokens(), usage.completionTokens());
        }
    }

    private static RequestLog.Entry entry(
            Request of,
            ServiceClass serviceClass,
            int prompt,
            @Nullable Generation generation,
            @Nullable String refusal) {
        return new RequestLog.Entry(
                of.id,
                of.caller.tenantName(),
                of.model,
                serviceClass.name(),
                of.arrived,
                prompt,
                generation == null ? null : generation.timeline(),
                refusal);
    }

    private static UsageRecord row(UsageStart start, GenerationUsage usage) {
        UsageRecord.Status status = switch (usage.reason()) {
            case STOP, LENGTH -> UsageRecord.Status.COMPLETED;
            case CANCELLED -> UsageRecord.Status.CANCELLED;
            case FAILED -> UsageRecord.Status.FAILED;
        };
        return new UsageRecord(
                start.withPromptTokens(usage.promptTokens()),
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
