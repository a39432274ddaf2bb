package io.ashlar.quota;

import com.github.benmanes.caffeine.cache.AsyncLoadingCache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.ashlar.database.ChangeFeed;
import io.ashlar.identity.Caller;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionTemplate;

/**
 * What is left of every limit. A request reserves the most that it may use of all its limits, or of none; its end settles what
 * it used and gives back the rest.
 *
 * <p>Processes that share a database share limits by leases: a process asks for a part of what is left, spends it without
 * asking again, and gives back what it does not use. All that was ever granted is counted as used until it is given back, so
 * processes together cannot pass a limit, whatever happens to them; what one of them holds and does not use, at most a quarter
 * of what was left divided by their number, others are refused for as long as two ticks.
 */
public final class Quotas implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Quotas.class.getName());
    private static final int MOST_TENANTS = 100_000;
    private static final int MOST_QUESTIONS = 64;
    private static final Duration REFUSED = Duration.ofMillis(100);
    private static final Duration TICK = Duration.ofSeconds(1);
    /** Without a sign of life of ours, others count our concurrent requests as ended after ten seconds. */
    private static final Duration TRUSTED = Duration.ofSeconds(8);

    private static final Duration KEPT = Duration.ofHours(12);

    private final QuotaStore store;
    private final Executor blocking;
    private final Clock clock;
    private volatile UUID process = UUID.randomUUID();
    private final UUID instance;
    private final AsyncLoadingCache<UUID, TenantQuota> tenants;
    private volatile Map<String, Price> prices = Map.of();
    private volatile boolean pricesKnown;
    private volatile Instant lastSeen = Instant.EPOCH;
    private volatile boolean closed;
    private @Nullable Thread ticking;
    private final ReentrantLock oneTick = new ReentrantLock();
    private long ticks;
    private final AtomicLong questions = new AtomicLong();
    private final AtomicLong refusals = new AtomicLong();
    private final AtomicLong warnings = new AtomicLong();

    /**
     * @param blocking runs what waits for the database
     * @param instance the same for all processes of one data folder
     */
    public Quotas(
            JdbcClient database,
            TransactionTemplate transactions,
            ChangeFeed changes,
            Executor blocking,
            Clock clock,
            UUID instance) {
        this.store = new QuotaStore(database, transactions);
        this.blocking = blocking;
        this.clock = clock;
        this.instance = instance;
        this.tenants = Caffeine.newBuilder()
                .maximumSize(MOST_TENANTS)
                .executor(blocking)
                .buildAsync(tenant -> new TenantQuota(tenant, store.limits(tenant)));
        changes.onChange(
                Set.of("quota_limit", "tenant", "project", "api_key", "deployment"),
                () -> blocking.execute(this::reread));
        changes.onChange(Set.of("model_price", "deployment"), () -> pricesKnown = false);
    }

    /** Tells the database that this process lives, and begins to tick. */
    public void start() {
        begin();
        ticking = Thread.ofVirtual().name("quota-tick").start(() -> {
            while (!closed) {
                try {
                    Thread.sleep(TICK);
                    tick();
                } catch (InterruptedException e) {
                    return;
                } catch (RuntimeException e) {
                    LOG.log(System.Logger.Level.WARNING, "limits cannot be shared at the moment: {0}", e.getMessage());
                }
            }
        });
    }

    void begin() {
        Instant now = clock.instant();
        store.start(process, instance, now);
        lastSeen = now;
    }

    /** To be called when the ledger has all rows of the process before this one. */
    public void recover() {
        store.recover(process, instance, clock.instant());
    }

    private void reread() {
        tenants.synchronous().asMap().forEach((tenant, quota) -> {
            try {
                quota.limits = store.limits(tenant);
            } catch (RuntimeException e) {
                // The feed tells again when the database is back.
                LOG.log(System.Logger.Level.WARNING, "the limits of a tenant could not be read: {0}", e.getMessage());
            }
        });
    }

    private CompletableFuture<Map<String, Price>> prices() {
        if (pricesKnown) {
            return CompletableFuture.completedFuture(prices);
        }
        return CompletableFuture.supplyAsync(
                () -> {
                    pricesKnown = true;
                    try {
                        prices = store.prices();
                    } catch (RuntimeException e) {
                        pricesKnown = false;
                        throw e;
                    }
                    return prices;
                },
                blocking);
    }

    /** Completed when a caller's limits are known here, so that {@link #largestOutput} and {@link #rates} see them. */
    public CompletableFuture<Void> ready(Caller caller) {
        return CompletableFuture.allOf(tenants.get(caller.tenant()), prices());
    }

    /** The most tokens that an answer may have; the largest integer where no limit says. */
    public int largestOutput(Caller caller, String model) {
        long most = Integer.MAX_VALUE;
        for (Limit limit : limits(caller, model)) {
            if (limit.kind() == LimitKind.LARGEST_OUTPUT) {
                most = Math.min(most, limit.amount());
            }
        }
        return (int) most;
    }

    private @Nullable TenantQuota known(Caller caller) {
        CompletableFuture<TenantQuota> loading = tenants.getIfPresent(caller.tenant());
        return loading == null || !loading.isDone() || loading.isCompletedExceptionally() ? null : loading.join();
    }

    private List<Limit> limits(Caller caller, String model) {
        TenantQuota quota = known(caller);
        if (quota == null || quota.limits.isEmpty()) {
            return List.of();
        }
        return quota.limits.stream()
                .filter(l -> l.appliesTo(caller.project(), caller.key(), model))
                .toList();
    }

    /**
     * Reserves what a request may use of all its limits.
     *
     * @return fails with {@link QuotaRefusal}, nothing reserved; or with what the database says, where it has to be asked
     */
    public CompletableFuture<Reservation> reserve(Demand demand) {
        CompletableFuture<TenantQuota> quota = tenants.get(demand.caller().tenant());
        CompletableFuture<Map<String, Price>> priced = prices();
        if (quota.isDone()
                && priced.isDone()
                && !quota.isCompletedExceptionally()
                && !priced.isCompletedExceptionally()) {
            return reserve(demand, quota.join(), 0);
        }
        return quota.thenCombine(priced, (q, p) -> q).thenCompose(q -> reserve(demand, q, 0));
    }

    private CompletableFuture<Reservation> reserve(Demand demand, TenantQuota quota, int asked) {
        Reservation reservation = new Reservation(quota, demand.model());
        List<CompletableFuture<Void>> questionsAsked = new ArrayList<>();
        quota.lock.lock();
        try {
            Price worst = prices.getOrDefault(demand.model(), Price.FREE).worst();
            for (Limit limit : quota.limits) {
                if (!limit.appliesTo(demand.caller().project(), demand.caller().key(), demand.model())) {
                    continue;
                }
                int completion = limit.overbooks() ? Math.min(demand.predicted(), demand.most()) : demand.most();
                long need = limit.kind().of(demand.prompt(), 0, completion, worst);
                if (limit.kind().window() == LimitKind.Window.REQUEST) {
                    if (need > limit.amount()) {
                        throw refuse(limit, need, demand.at(), Instant.MAX);
                    }
                    continue;
                }
                Meter meter = quota.meter(limit, process, demand.at());
                meter.lastUsedTick = ticks;
                if (need > limit.units()) {
                    throw refuse(limit, need, demand.at(), meter.end);
                }
                boolean untrusted = limit.kind() == LimitKind.CONCURRENT_REQUESTS
                        && clock.instant().isAfter(lastSeen.plus(TRUSTED));
                if (meter.available >= need && !untrusted) {
                    reservation.meters.add(meter);
                    reservation.amounts.add(need);
                } else if (asked == MOST_QUESTIONS) {
                    // Others were faster every time: there is next to nothing left.
                    throw refuse(limit, need, demand.at(), meter.end);
                } else {
                    questionsAsked.add(ask(quota, meter, need, demand));
                }
            }
            if (questionsAsked.isEmpty()) {
                take(reservation);
                return CompletableFuture.completedFuture(reservation);
            }
        } catch (QuotaRefusal e) {
            refusals.incrementAndGet();
            return CompletableFuture.failedFuture(e);
        } finally {
            quota.lock.unlock();
        }
        return CompletableFuture.allOf(questionsAsked.toArray(CompletableFuture[]::new))
                .thenCompose(v -> reserve(demand, quota, asked + 1));
    }

    private void take(Reservation reservation) {
        for (int i = 0; i < reservation.meters.size(); i++) {
            Meter meter = reservation.meters.get(i);
            meter.available -= reservation.amounts.get(i);
            meter.reserved += reservation.amounts.get(i);
            for (int percent : meter.limit.warnPercent()) {
                if (meter.used() * 100.0 >= (double) percent * meter.limit.units()) {
                    warn(reservation, meter, percent);
                }
            }
        }
    }

    private void warn(Reservation reservation, Meter meter, int percent) {
        Limit limit = meter.limit;
        long used = meter.used();
        reservation.warnings.add(percent + "% of " + limit.words() + " reached");
        if (percent > meter.warned) {
            meter.warned = percent;
            blocking.execute(() -> {
                if (store.warn(limit, meter.start, percent, used, clock.instant())) {
                    warnings.incrementAndGet();
                    LOG.log(System.Logger.Level.WARNING, "{0}% of {1} reached", percent, limit.words());
                }
            });
        }
    }

    /** Under the lock. One question at a time for each meter: others wait for its answer and look again. */
    private CompletableFuture<Void> ask(TenantQuota quota, Meter meter, long need, Demand demand) {
        CompletableFuture<Void> under = meter.asking;
        if (under != null) {
            return under;
        }
        if (clock.instant().isBefore(meter.refusedUntil) && meter.left + meter.available < need) {
            throw refuse(meter.limit, need, demand.at(), meter.end);
        }
        long more = need - meter.available;
        CompletableFuture<Void> asking = new CompletableFuture<>();
        meter.asking = asking;
        questions.incrementAndGet();
        blocking.execute(() -> {
            QuotaStore.Grant grant;
            try {
                Instant now = clock.instant();
                if (meter.limit.kind() == LimitKind.CONCURRENT_REQUESTS && now.isAfter(lastSeen.plus(TRUSTED))) {
                    throw new IllegalStateException("the database was not heard of for " + TRUSTED);
                }
                grant = store.take(meter.process, meter.limit, meter.start, more, now);
            } catch (RuntimeException e) {
                end(quota, meter);
                asking.completeExceptionally(e);
                return;
            }
            quota.lock.lock();
            meter.available += grant.granted();
            meter.left = grant.left();
            if (grant.granted() == 0) {
                meter.refusedUntil = clock.instant().plus(REFUSED);
            }
            quota.lock.unlock();
            end(quota, meter);
            asking.complete(null);
        });
        return asking;
    }

    private static void end(TenantQuota quota, Meter meter) {
        quota.lock.lock();
        meter.asking = null;
        quota.lock.unlock();
    }

    private static QuotaRefusal refuse(Limit limit, long need, Instant at, Instant end) {
        if (limit.kind().window() == LimitKind.Window.REQUEST) {
            return new QuotaRefusal(
                    limit,
                    "The request has " + need + " " + limit.kind().words() + ", more than the limit: " + limit.words()
                            + ".",
                    Duration.ZERO);
        }
        if (need > limit.units()) {
            return new QuotaRefusal(
                    limit,
                    "The request alone may need " + need / limit.kind().unitsOf() + ", more than the limit of "
                            + limit.words() + "; ask for fewer tokens.",
                    Duration.ZERO);
        }
        if (limit.kind().window() == LimitKind.Window.NONE) {
            return new QuotaRefusal(
                    limit,
                    "The limit of " + limit.words() + " is reached; wait for one to end.",
                    Duration.ofSeconds(1));
        }
        Duration left = Duration.between(at, end);
        return new QuotaRefusal(
                limit,
                "The limit of " + limit.words() + " is reached; it resets in " + Rates.words(left) + ".",
                left.isPositive() ? left : Duration.ofSeconds(1));
    }

    /** Settles what a request used. Settling again changes nothing. */
    public void settle(Reservation reservation, int prompt, int cached, int completion) {
        TenantQuota quota = reservation.tenant;
        Price price = prices.getOrDefault(reservation.model, Price.FREE);
        quota.lock.lock();
        try {
            if (reservation.settled) {
                return;
            }
            reservation.settled = true;
            for (int i = 0; i < reservation.meters.size(); i++) {
                Meter meter = reservation.meters.get(i);
                long set = reservation.amounts.get(i);
                boolean comesBack = meter.limit.kind() == LimitKind.CONCURRENT_REQUESTS;
                long actual = comesBack ? 0 : meter.limit.kind().of(prompt, cached, completion, price);
                meter.reserved -= set;
                meter.spent += actual;
                meter.available += set - actual;
                meter.lastUsedTick = ticks;
            }
        } finally {
            quota.lock.unlock();
        }
    }

    /** A request that never ran: all comes back. */
    public void cancel(Reservation reservation) {
        reservation.tenant.lock.lock();
        try {
            if (!reservation.settled) {
                reservation.settled = true;
                for (int i = 0; i < reservation.meters.size(); i++) {
                    Meter meter = reservation.meters.get(i);
                    meter.reserved -= reservation.amounts.get(i);
                    meter.available += reservation.amounts.get(i);
                }
            }
        } finally {
            reservation.tenant.lock.unlock();
        }
    }

    /** What is left of a caller's requests and tokens per minute, by the limit that has least left. */
    public Rates rates(Caller caller, @Nullable String model) {
        TenantQuota quota = known(caller);
        if (quota == null || quota.limits.isEmpty()) {
            return Rates.NONE;
        }
        Instant now = clock.instant();
        Rates.@Nullable Rate requests = null;
        Rates.@Nullable Rate tokens = null;
        quota.lock.lock();
        try {
            for (Limit limit : quota.limits) {
                if (limit.kind().window() == LimitKind.Window.MINUTE
                        && limit.appliesTo(caller.project(), caller.key(), model == null ? "" : model)) {
                    Meter meter = quota.meters.get(limit.id());
                    boolean current = meter != null && now.isBefore(meter.end);
                    Instant end =
                            limit.kind().window().end(limit.kind().window().start(now));
                    Rates.Rate rate = new Rates.Rate(
                            limit.amount(),
                            current && meter != null ? meter.remaining() : limit.amount(),
                            Duration.between(now, end));
                    if (limit.kind() == LimitKind.REQUESTS_PER_MINUTE) {
                        requests = Rates.tighter(requests, rate);
                    } else {
                        tokens = Rates.tighter(tokens, rate);
                    }
                }
            }
        } finally {
            quota.lock.unlock();
        }
        return new Rates(requests, tokens);
    }

    /** What is used of a tenant's limits now, as far as this process knows, by limit. */
    public Map<UUID, Long> used(UUID tenant) {
        CompletableFuture<TenantQuota> loading = tenants.getIfPresent(tenant);
        Map<UUID, Long> used = new HashMap<>();
        if (loading != null && loading.isDone() && !loading.isCompletedExceptionally()) {
            TenantQuota quota = loading.join();
            quota.lock.lock();
            try {
                quota.meters.forEach(
                        (id, m) -> used.put(id, m.used() / m.limit.kind().unitsOf()));
            } finally {
                quota.lock.unlock();
            }
        }
        return used;
    }

    /** What all limits have used, for metrics: by limit. */
    public Map<Limit, Long> used() {
        Map<Limit, Long> used = new HashMap<>();
        Instant now = clock.instant();
        for (TenantQuota quota : tenants.synchronous().asMap().values()) {
            quota.lock.lock();
            try {
                for (Meter meter : quota.meters.values()) {
                    if (now.isBefore(meter.end)) {
                        used.put(meter.limit, meter.used() / meter.limit.kind().unitsOf());
                    }
                }
            } finally {
                quota.lock.unlock();
            }
        }
        return used;
    }

    /**
     * Once a second: a sign of life, what was spent, and back goes what was not used for a while. One at a time: an
     * older sign of life must not overwrite a newer one.
     */
    void tick() {
        oneTick.lock();
        try {
            tick(clock.instant());
        } finally {
            oneTick.unlock();
        }
    }

    private void tick(Instant now) {
        if (now.isAfter(lastSeen.plus(TRUSTED))) {
            beginAgain(now);
        } else {
            store.seen(process, now);
        }
        lastSeen = now;
        ticks++;
        for (TenantQuota quota : tenants.synchronous().asMap().values()) {
            tick(quota, now, false);
        }
        if (ticks % 600 == 1) {
            store.forget(now);
        }
    }

    /** Others may have taken our concurrent requests for ended: we go on under another name, with none. */
    private void beginAgain(Instant now) {
        UUID next = UUID.randomUUID();
        store.start(next, instance, now);
        process = next;
        for (TenantQuota quota : tenants.synchronous().asMap().values()) {
            quota.lock.lock();
            try {
                quota.dropConcurrent();
            } finally {
                quota.lock.unlock();
            }
        }
    }

    private void tick(TenantQuota quota, Instant now, boolean last) {
        record Return(Meter meter, long back, long spent) {}
        List<Return> returns = new ArrayList<>();
        quota.lock.lock();
        try {
            for (Meter meter : List.copyOf(quota.meters.values())) {
                if (!now.isBefore(meter.end)) {
                    quota.past.add(meter);
                    quota.meters.remove(meter.limit.id());
                }
            }
            List<Meter> all = new ArrayList<>(quota.meters.values());
            all.addAll(quota.past);
            for (Meter meter : all) {
                boolean idle = last || meter.lastUsedTick < ticks - 1 || !now.isBefore(meter.end);
                long unit = meter.limit.kind().unitsOf();
                long back = idle && meter.asking == null ? Math.max(0, meter.available) / unit : 0;
                if (back > 0) {
                    meter.available -= back * unit;
                    // It is there for all to take again.
                    meter.left += back * unit;
                }
                if (back > 0 || meter.lastUsedTick >= ticks - 1) {
                    returns.add(new Return(meter, back, meter.spent));
                }
            }
            quota.past.removeIf(meter -> meter.reserved == 0 || now.isAfter(meter.end.plus(KEPT)));
        } finally {
            quota.lock.unlock();
        }
        for (Return r : returns) {
            try {
                store.giveBack(r.meter.process, r.meter.limit, r.meter.start, r.back, r.spent);
            } catch (RuntimeException e) {
                quota.lock.lock();
                r.meter.available += r.back * r.meter.limit.kind().unitsOf();
                quota.lock.unlock();
                throw e;
            }
        }
    }

    /** Questions to the database so far. */
    public long questions() {
        return questions.get();
    }

    public long refusals() {
        return refusals.get();
    }

    /** Soft budgets that were reached. */
    public long warnings() {
        return warnings.get();
    }

    /** Gives back what is not used. */
    @Override
    public void close() {
        closed = true;
        Thread t = ticking;
        if (t != null) {
            t.interrupt();
            try {
                t.join(TimeUnit.SECONDS.toMillis(5));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        try {
            for (TenantQuota quota : tenants.synchronous().asMap().values()) {
                tick(quota, clock.instant(), true);
            }
        } catch (RuntimeException e) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "what was left of limits could not be given back: {0}",
                    e.getMessage());
        }
    }
}
