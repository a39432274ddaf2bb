package io.ashlar.quota;

import io.ashlar.access.Actor;
import io.ashlar.access.Guarded;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.access.Permission;
import io.ashlar.audit.AuditLog;
import io.ashlar.audit.Change;
import io.ashlar.database.ChangeFeed;
import io.ashlar.scheduler.ServiceClass;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Executor;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.dao.DataIntegrityViolationException;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionTemplate;

/** The service classes: kept here, and true within moments of a change. */
@Guarded
public final class ServiceClasses {
    private static final System.Logger LOG = System.getLogger(ServiceClasses.class.getName());
    private static final Pattern NAME = Pattern.compile("[a-z][a-z0-9_-]{0,31}");
    private static final long MOST_MILLIS = 86_400_000;

    private final JdbcClient database;
    private final TransactionTemplate transactions;
    private final AuditLog audit;
    private volatile Map<String, ServiceClass> classes = Map.of();

    /** @param blocking reads them again when they change */
    public ServiceClasses(
            JdbcClient database,
            TransactionTemplate transactions,
            AuditLog audit,
            ChangeFeed changes,
            Executor blocking) {
        this.database = database;
        this.transactions = transactions;
        this.audit = audit;
        this.classes = read();
        changes.onChange(Set.of("service_class"), () -> blocking.execute(this::reread));
    }

    private void reread() {
        try {
            classes = read();
        } catch (RuntimeException e) {
            LOG.log(System.Logger.Level.WARNING, "the service classes could not be read: {0}", e.getMessage());
        }
    }

    private Map<String, ServiceClass> read() {
        Map<String, ServiceClass> read = new LinkedHashMap<>();
        database.sql("select * from service_class order by rank, name")
                .query(ServiceClasses::serviceClass)
                .list()
                .forEach(c -> read.put(c.name(), c));
        return Map.copyOf(read);
    }

    private static ServiceClass serviceClass(ResultSet row, int number) throws SQLException {
        return new ServiceClass(
                row.getString("name"),
                row.getInt("rank"),
                Duration.ofMillis(row.getInt("ttft_millis")),
                Duration.ofMillis(row.getInt("tpot_millis")),
                row.getDouble("percentile"),
                row.getDouble("weight"),
                row.getInt("queue_length"),
                Duration.ofSeconds(row.getInt("queue_seconds")),
                row.getBoolean("preemptible"));
    }

    /** From the highest to the lowest. They are no secret to anybody who has a part in Ashlar. */
    public List<ServiceClass> all(Actor actor) {
        return all();
    }

    /** As {@link #all(Actor)}, as the database has them at this moment. */
    public List<ServiceClass> stored(Actor actor) {
        actor.require(Permission.SEE_PLATFORM);
        return sorted(read());
    }

    private static List<ServiceClass> sorted(Map<String, ServiceClass> classes) {
        return classes.values().stream()
                .sorted(Comparator.comparingInt(ServiceClass::order).thenComparing(ServiceClass::name))
                .toList();
    }

    /** As {@link #all(Actor)}, for Ashlar's own work. */
    public List<ServiceClass> all() {
        return sorted(classes);
    }

    /** By name; null where there is none. */
    public @Nullable ServiceClass find(String name) {
        return classes.get(name);
    }

    /** Adds a class, or changes the one of that name. */
    public void set(ServiceClass c, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        if (!NAME.matcher(c.name()).matches()) {
            throw new InvalidRequestException(
                    "name", "A class's name has 1 to 32 small letters, digits, hyphens and underscores.");
        }
        millis("ttft", c.ttft());
        millis("tpot", c.tpot());
        millis("queue_time", c.queueTime());
        if (!(c.percentile() > 0 && c.percentile() < 100)) {
            throw new InvalidRequestException("percentile", "'percentile' must be between 0 and 100.");
        }
        if (c.queueLength() < 0) {
            throw new InvalidRequestException("queue_length", "'queue_length' must not be negative.");
        }
        transactions.executeWithoutResult(t -> {
            ServiceClass old = read().get(c.name());
            database.sql("""
                            insert into service_class (name, rank, ttft_millis, tpot_millis, percentile, weight, queue_length,
                                queue_seconds, preemptible)
                            values (:name, :rank, :ttft, :tpot, :percentile, :weight, :length, :seconds, :preemptible)
                            on conflict (name) do update set rank = excluded.rank, ttft_millis = excluded.ttft_millis,
                                tpot_millis = excluded.tpot_millis, percentile = excluded.percentile,
                                weight = excluded.weight, queue_length = excluded.queue_length,
                                queue_seconds = excluded.queue_seconds, preemptible = excluded.preemptible""")
                    .param("name", c.name())
                    .param("rank", c.order())
                    .param("ttft", c.ttft().toMillis())
                    .param("tpot", c.tpot().toMillis())
                    .param("percentile", c.percentile())
                    .param("weight", c.weight())
                    .param("length", c.queueLength())
                    .param("seconds", c.queueTime().toSeconds())
                    .param("preemptible", c.preemptible())
                    .update();
            Change change = Change.between(null, old == null ? Map.of() : words(old), words(c));
            if (!change.isNone()) {
                audit.record(actor, "service-class.set", c.name(), change);
            }
        });
    }

    private static void millis(String field, Duration duration) {
        if (duration.isNegative() || duration.toMillis() > MOST_MILLIS) {
            throw new InvalidRequestException(field, "'" + field + "' must be from 0 to a day.");
        }
    }

    /** True if there was one. A class that a tenant has stays, and so does the one that new tenants get. */
    public boolean remove(String name, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        if (name.equals(ServiceClass.STANDARD.name())) {
            throw new InvalidRequestException("name", "The class '" + name + "' is the one that new tenants get.");
        }
        try {
            return Boolean.TRUE.equals(transactions.execute(t -> {
                boolean removed = database.sql("delete from service_class where name = :name")
                                .param("name", name)
                                .update()
                        > 0;
                if (removed) {
                    audit.record(actor, "service-class.remove", name, Change.removed(null, Map.of("name", name)));
                }
                return removed;
            }));
        } catch (DataIntegrityViolationException e) {
            throw new InvalidRequestException("name", "Tenants still have the service class '" + name + "'.");
        }
    }

    private static Map<String, String> words(ServiceClass c) {
        return Map.of(
                "order", String.valueOf(c.order()),
                "ttft", c.ttft().toMillis() + " ms",
                "tpot", c.tpot().toMillis() + " ms",
                "percentile", String.valueOf(c.percentile()),
                "weight", String.valueOf(c.weight()),
                "queue_length", String.valueOf(c.queueLength()),
                "queue_time", c.queueTime().toSeconds() + " s",
                "preemptible", String.valueOf(c.preemptible()));
    }

    /** What a tenant is promised, and how much it counts beside others. */
    public void setTenant(UUID tenant, String serviceClass, double weight, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        if (!read().containsKey(serviceClass)) {
            throw new InvalidRequestException("service_class", "There is no service class '" + serviceClass + "'.");
        }
        if (!(weight > 0 && weight <= 1e6)) {
            throw new InvalidRequestException("weight", "'weight' must be above 0, at most 1000000.");
        }
        transactions.executeWithoutResult(t -> {
            Standing old = database.sql("select name, service_class, weight from tenant where id = :id for update")
                    .param("id", tenant)
                    .query((row, n) -> new Standing(row.getString(1), row.getString(2), row.getDouble(3)))
                    .optional()
                    .orElseThrow(() -> new InvalidRequestException("tenant", "There is no such tenant."));
            Standing set = new Standing(old.name, serviceClass, weight);
            Change change = Change.between(tenant, old.words(), set.words());
            if (!change.isNone()) {
                database.sql("update tenant set service_class = :class, weight = :weight where id = :id")
                        .param("class", serviceClass)
                        .param("weight", weight)
                        .param("id", tenant)
                        .update();
                audit.record(actor, "tenant.service", old.name, change);
            }
        });
    }

    private record Standing(String name, String serviceClass, double weight) {
        Map<String, String> words() {
            return Map.of("service_class", serviceClass, "weight", String.valueOf(weight));
        }
    }
}
