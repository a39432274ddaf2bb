package io.ashlar.quota;

import io.ashlar.access.Actor;
import io.ashlar.access.Guarded;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.access.Permission;
import io.ashlar.audit.AuditLog;
import io.ashlar.audit.Change;
import java.time.Clock;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springframework.dao.DataIntegrityViolationException;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionTemplate;

/** Limits and prices as administrators handle them. */
@Guarded
public final class Limits {
    static final String SELECT = """
            select l.id, l.tenant_id, l.project_id, l.key_id, coalesce(k.name, p.name, t.name) as subject, l.model, l.kind,
                l.amount, l.warn_percent, l.overbooks
            from quota_limit l
            join tenant t on t.id = l.tenant_id
            left join project p on p.id = l.project_id
            left join api_key k on k.id = l.key_id""";

    private static final long MOST = 1_000_000_000_000_000L;
    private static final int MOST_WARNINGS = 10;

    /**
     * A limit as it is asked for.
     *
     * @param project null where it is not for a project; of project and key at most one
     */
    public record Wanted(
            @Nullable UUID project,
            @Nullable UUID key,
            @Nullable String model,
            LimitKind kind,
            long amount,
            List<Integer> warnPercent,
            boolean overbooks) {
        /** Whether a limit is for the same subject, model and kind. */
        boolean replaces(Limit limit) {
            return Objects.equals(project, limit.project())
                    && Objects.equals(key, limit.key())
                    && Objects.equals(model, limit.model())
                    && kind == limit.kind();
        }
    }

    /** A soft budget that was reached. */
    public record Warning(Instant at, UUID limit, Instant window, int percent, long used, long amount) {}

    private final JdbcClient database;
    private final TransactionTemplate transactions;
    private final AuditLog audit;
    private final Clock clock;

    public Limits(JdbcClient database, TransactionTemplate transactions, AuditLog audit, Clock clock) {
        this.database = database;
        this.transactions = transactions;
        this.audit = audit;
        this.clock = clock;
    }

    public List<Limit> ofTenant(UUID tenant, Actor actor) {
        actor.require(Permission.SEE_TENANT, tenant);
        return database.sql(
                        SELECT
                                + " where l.tenant_id = :tenant order by l.project_id nulls first, l.key_id nulls first, l.kind")
                .param("tenant", tenant)
                .query(QuotaStore::limit)
                .list();
    }

    /** Sets a limit; one of the same kind for the same subject and model is replaced, and what was used of it stays used. */
    public Limit set(UUID tenant, Wanted wanted, Actor actor) {
        requireChange(tenant, wanted.project() != null || wanted.key() != null, actor);
        check(tenant, wanted);
        try {
            return transactions.execute(t -> {
                Map<String, String> before = ofTenant(tenant, actor).stream()
                        .filter(wanted::replaces)
                        .findFirst()
                        .map(Limits::words)
                        .orElse(Map.of());
                UUID id = database.sql("""
                                insert into quota_limit
                                    (id, tenant_id, project_id, key_id, model, kind, amount, warn_percent, overbooks, created_at)
                                values (:id, :tenant, :project, :key, :model, :kind, :amount, :warn, :overbooks, :now)
                                on conflict (tenant_id, project_id, key_id, model, kind) do update set
                                    amount = excluded.amount, warn_percent = excluded.warn_percent,
                                    overbooks = excluded.overbooks
                                returning id""")
                        .param("id", UUID.randomUUID())
                        .param("tenant", tenant)
                        .param("project", wanted.project())
                        .param("key", wanted.key())
                        .param("model", wanted.model())
                        .param("kind", wanted.kind().word())
                        .param("amount", wanted.amount())
                        .param("warn", wanted.warnPercent().stream().sorted().toArray(Integer[]::new))
                        .param("overbooks", wanted.overbooks())
                        .param("now", OffsetDateTime.now(clock))
                        .query(UUID.class)
                        .single();
                Limit limit = database.sql(SELECT + " where l.id = :id")
                        .param("id", id)
                        .query(QuotaStore::limit)
                        .single();
                Change change = Change.between(tenant, before, words(limit));
                if (!change.isNone()) {
                    audit.record(actor, "limit.set", limit.words(), change);
                }
                return limit;
            });
        } catch (DataIntegrityViolationException e) {
            throw new InvalidRequestException("tenant", "There is no such tenant or model.");
        }
    }

    private void check(UUID tenant, Wanted wanted) {
        if (wanted.amount() < 0 || wanted.amount() > MOST) {
            throw new InvalidRequestException("amount", "'amount' must be from 0 to " + MOST + ".");
        }
        if (wanted.warnPercent().size() > MOST_WARNINGS
                || wanted.warnPercent().stream().anyMatch(p -> p < 1 || p > 100)) {
            throw new InvalidRequestException(
                    "warn_percent", "'warn_percent' must have at most " + MOST_WARNINGS + " numbers from 1 to 100.");
        }
        if (wanted.project() != null && wanted.key() != null) {
            throw new InvalidRequestException("key", "A limit is for a project or for a key, not for both.");
        }
        if (wanted.project() != null
                && count(
                                "select count(*) from project where id = :id and tenant_id = :tenant",
                                wanted.project(),
                                tenant)
                        == 0) {
            throw new InvalidRequestException("project", "The tenant has no such project.");
        }
        if (wanted.key() != null
                && count(
                                "select count(*) from api_key k join project p on p.id = k.project_id"
                                        + " where k.id = :id and p.tenant_id = :tenant",
                                wanted.key(),
                                tenant)
                        == 0) {
            throw new InvalidRequestException("key", "The tenant has no such key.");
        }
        if (wanted.model() != null
                && database.sql("select count(*) from deployment where name = :name")
                                .param("name", wanted.model())
                                .query(Long.class)
                                .single()
                        == 0) {
            throw new InvalidRequestException("model", "There is no model '" + wanted.model() + "'.");
        }
    }

    private long count(String sql, UUID id, UUID tenant) {
        return database.sql(sql)
                .param("id", id)
                .param("tenant", tenant)
                .query(Long.class)
                .single();
    }

    /** What is for the tenant as a whole is the platform's to change; inside it, its administrators divide. */
    private static void requireChange(UUID tenant, boolean inside, Actor actor) {
        if (inside) {
            actor.require(Permission.CHANGE_TENANT, tenant);
        } else {
            actor.require(Permission.CHANGE_PLATFORM);
        }
    }

    private static Map<String, String> words(Limit limit) {
        return Map.of(
                "amount", String.valueOf(limit.amount()),
                "warn_percent", limit.warnPercent().toString(),
                "overbooks", String.valueOf(limit.overbooks()));
    }

    /** True if there was one. */
    public boolean remove(UUID tenant, UUID id, Actor actor) {
        actor.require(Permission.SEE_TENANT, tenant);
        return Boolean.TRUE.equals(transactions.execute(t -> {
            Limit limit = ofTenant(tenant, actor).stream()
                    .filter(l -> l.id().equals(id))
                    .findFirst()
                    .orElse(null);
            if (limit == null) {
                return false;
            }
            requireChange(tenant, limit.level() != Limit.Level.TENANT, actor);
            database.sql("delete from quota_limit where id = :id")
                    .param("id", id)
                    .update();
            audit.record(actor, "limit.remove", limit.words(), Change.removed(tenant, words(limit)));
            return true;
        }));
    }

    /** Soft budgets that a tenant reached, the latest first. */
    public List<Warning> warnings(UUID tenant, int most, Actor actor) {
        actor.require(Permission.SEE_TENANT, tenant);
        return database.sql("""
                        select at, limit_id, window_start, percent, used, amount from quota_event
                        where tenant_id = :tenant order by at desc, id desc limit :most""")
                .param("tenant", tenant)
                .param("most", most)
                .query((row, n) -> new Warning(
                        row.getObject(1, OffsetDateTime.class).toInstant(),
                        row.getObject(2, UUID.class),
                        row.getObject(3, OffsetDateTime.class).toInstant(),
                        row.getInt(4),
                        row.getLong(5),
                        row.getLong(6)))
                .list();
    }

    /** What a deployment costs, by name. Whoever pays may know. */
    public Map<String, Price> prices(Actor actor) {
        if (actor.tenant() == null) {
            actor.require(Permission.SEE_PLATFORM);
        }
        return new QuotaStore(database, transactions).prices();
    }

    public void setPrice(String deployment, Price price, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        for (long part : new long[] {price.prompt(), price.cached(), price.completion()}) {
            if (part < 0 || part > 1_000_000_000_000L) {
                throw new InvalidRequestException(
                        "price",
                        "A price is from 0 to 1000000000000 millionths for a million tokens, not " + part + ".");
            }
        }
        try {
            transactions.executeWithoutResult(t -> {
                Price old = prices(actor).get(deployment);
                database.sql("""
                                insert into model_price (deployment, prompt_price, cached_price, completion_price)
                                values (:deployment, :prompt, :cached, :completion)
                                on conflict (deployment) do update set prompt_price = excluded.prompt_price,
                                    cached_price = excluded.cached_price, completion_price = excluded.completion_price""")
                        .param("deployment", deployment)
                        .param("prompt", price.prompt())
                        .param("cached", price.cached())
                        .param("completion", price.completion())
                        .update();
                Change change = Change.between(null, old == null ? Map.of() : words(old), words(price));
                if (!change.isNone()) {
                    audit.record(actor, "price.set", deployment, change);
                }
            });
        } catch (DataIntegrityViolationException e) {
            throw new InvalidRequestException("model", "There is no model '" + deployment + "'.");
        }
    }

    private static Map<String, String> words(Price price) {
        return Map.of(
                "prompt", String.valueOf(price.prompt()),
                "cached", String.valueOf(price.cached()),
                "completion", String.valueOf(price.completion()));
    }

    /** What nobody pays for has no price. True if there was one. */
    public boolean removePrice(String deployment, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        return Boolean.TRUE.equals(transactions.execute(t -> {
            Price old = prices(actor).get(deployment);
            if (old != null) {
                database.sql("delete from model_price where deployment = :deployment")
                        .param("deployment", deployment)
                        .update();
                audit.record(actor, "price.remove", deployment, Change.removed(null, words(old)));
            }
            return old != null;
        }));
    }
}
