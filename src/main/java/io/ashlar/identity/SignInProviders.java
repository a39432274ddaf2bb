package io.ashlar.identity;

import io.ashlar.access.Actor;
import io.ashlar.access.Guarded;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.access.Permission;
import io.ashlar.audit.AuditLog;
import io.ashlar.audit.Change;
import io.ashlar.database.ChangeFeed;
import io.ashlar.document.Documents;
import java.net.URI;
import java.time.Clock;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionTemplate;

/** The providers of sign-in: those of the configuration, and those set here, which hold without a restart. */
@Guarded
public final class SignInProviders {
    private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9-]{0,31}");
    private static final String PURPOSE = "client secrets";

    /** A provider and what only we know with it. */
    public record Known(SignInProvider provider, @Nullable String clientSecret) {
        @Override
        public String toString() {
            return provider.name();
        }
    }

    private final JdbcClient database;
    private final TransactionTemplate transactions;
    private final AuditLog audit;
    private final Vault vault;
    private final Clock clock;
    private final Map<String, Known> fixed;
    private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
    private volatile @Nullable Map<String, Known> known;

    public SignInProviders(
            JdbcClient database,
            TransactionTemplate transactions,
            AuditLog audit,
            Vault vault,
            ChangeFeed changes,
            List<Known> fixed,
            Clock clock) {
        this.database = database;
        this.transactions = transactions;
        this.audit = audit;
        this.vault = vault;
        this.clock = clock;
        this.fixed = new TreeMap<>();
        fixed.forEach(k -> this.fixed.put(k.provider().name(), k));
        changes.onChange(Set.of("identity_provider"), () -> {
            known = null;
            listeners.forEach(Runnable::run);
        });
    }

    /** Told after a change of any provider, whoever made it. */
    public void onChange(Runnable listener) {
        listeners.add(listener);
    }

    /** All of them, for signing in. */
    public Map<String, Known> known() {
        Map<String, Known> now = known;
        if (now == null) {
            now = read();
            known = now;
        }
        return now;
    }

    private Map<String, Known> read() {
        Map<String, Known> all = new TreeMap<>();
        database.sql("select settings, client_secret from identity_provider").query(row -> {
            SignInProvider provider = Documents.read(Documents.parse(row.getString(1)), SignInProvider.class);
            byte[] secret = row.getBytes(2);
            all.put(provider.name(), new Known(provider, secret == null ? null : vault.decrypt(PURPOSE, secret)));
        });
        all.putAll(fixed);
        return Map.copyOf(all);
    }

    /** By name, without their secrets. */
    public List<SignInProvider> all(Actor actor) {
        actor.require(Permission.SEE_PLATFORM);
        return new TreeMap<>(known()).values().stream().map(Known::provider).toList();
    }

    public Optional<SignInProvider> named(String name, Actor actor) {
        actor.require(Permission.SEE_PLATFORM);
        return Optional.ofNullable(known().get(name)).map(Known::provider);
    }

    /** @param secret null keeps the one there is */
    public void set(SignInProvider provider, @Nullable String secret, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        check(provider);
        transactions.executeWithoutResult(t -> {
            SignInProvider old = Optional.ofNullable(known().get(provider.name()))
                    .map(Known::provider)
                    .orElse(null);
            database.sql("""
                            insert into identity_provider (name, settings, client_secret, created_at)
                            values (:name, cast(:settings as jsonb), :secret, :now)
                            on conflict (name) do update set settings = excluded.settings,
                                client_secret = coalesce(excluded.client_secret, identity_provider.client_secret)""")
                    .param("name", provider.name())
                    .param("settings", new String(Documents.json(provider), java.nio.charset.StandardCharsets.UTF_8))
                    .param("secret", secret == null ? null : vault.encrypt(PURPOSE, secret))
                    .param("now", OffsetDateTime.now(clock))
                    .update();
            Map<String, String> after = new TreeMap<>(words(provider));
            if (secret != null) {
                after.put("client_secret", "a new one");
            }
            audit.record(
                    actor,
                    "sign-in.set",
                    provider.name(),
                    Change.between(null, old == null ? Map.of() : words(old), after));
        });
        known = null;
        listeners.forEach(Runnable::run);
    }

    private void check(SignInProvider provider) {
        if (!NAME.matcher(provider.name()).matches()) {
            throw new InvalidRequestException(
                    "name", "A provider's name has 1 to 32 small letters, digits and hyphens.");
        }
        if (fixed.containsKey(provider.name())) {
            throw new InvalidRequestException(
                    "name", provider.name() + " is set in the configuration, and is changed there.");
        }
        boolean local = provider.issuer().startsWith("http://127.0.0.1")
                || provider.issuer().startsWith("http://localhost");
        try {
            if (!"https".equals(URI.create(provider.issuer()).getScheme()) && !local) {
                throw new IllegalArgumentException();
            }
        } catch (IllegalArgumentException e) {
            throw new InvalidRequestException("issuer", "An issuer is an address with https.");
        }
        if (provider.clientId().isBlank()) {
            throw new InvalidRequestException("client_id", "The client id is missing.");
        }
        for (SignInProvider.Rule rule : provider.rules()) {
            if (rule.role().ofPlatform()
                    != (rule.tenant() == null || rule.tenant().isBlank())) {
                throw new InvalidRequestException(
                        "rules", "A rule names a tenant exactly where its role is one of a tenant: " + rule + ".");
            }
        }
    }

    private static Map<String, String> words(SignInProvider p) {
        return Map.of(
                "issuer", p.issuer(),
                "client_id", p.clientId(),
                "scopes", String.join(" ", p.scopes()),
                "login_claim", p.loginClaim(),
                "audience", p.audience() == null ? "" : p.audience(),
                "rules", p.rules().toString(),
                "enabled", String.valueOf(p.enabled()));
    }

    /** True if there was one. Its people stay, and cannot sign in. */
    public boolean remove(String name, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        boolean removed = Boolean.TRUE.equals(transactions.execute(t -> {
            boolean found = database.sql("delete from identity_provider where name = :name")
                            .param("name", name)
                            .update()
                    > 0;
            if (found) {
                audit.record(actor, "sign-in.remove", name, Change.removed(null, Map.of("name", name)));
            }
            return found;
        }));
        known = null;
        listeners.forEach(Runnable::run);
        return removed;
    }
}
