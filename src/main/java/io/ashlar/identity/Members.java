package io.ashlar.identity;

import io.ashlar.access.Actor;
import io.ashlar.access.Guarded;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.access.Permission;
import io.ashlar.access.Role;
import io.ashlar.audit.AuditLog;
import io.ashlar.audit.Change;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.security.crypto.password.PasswordEncoder;
import org.springframework.transaction.support.TransactionTemplate;

/** People who sign in to the console, and what they are. */
@Guarded
public final class Members {
    static final int SHORTEST_PASSWORD = 12;
    private static final int LONGEST_PASSWORD = 256;
    private static final Pattern LOGIN = Pattern.compile("[\\p{L}\\p{N}][\\p{L}\\p{N}._@+-]{0,127}");
    private static final Set<String> THEMES = Set.of("system", "light", "dark");

    static final String SELECT = """
            select m.id, m.login, m.name, m.email, m.role, m.tenant_id, t.name as tenant_name, m.provider,
                m.disabled_at is null as enabled, m.totp_secret is not null as one_time_codes, m.locked_until, m.seen_at,
                m.created_at, m.theme
            from member m left join tenant t on t.id = m.tenant_id
            """;

    /**
     * Somebody that a provider vouches for.
     *
     * @param tenant null exactly for a role of the platform
     */
    public record Vouched(
            String provider,
            String subject,
            String login,
            String name,
            String email,
            Role role,
            @Nullable UUID tenant) {}

    private final JdbcClient database;
    private final TransactionTemplate transactions;
    private final AuditLog audit;
    private final PasswordEncoder passwords;
    private final Clock clock;

    public Members(
            JdbcClient database,
            TransactionTemplate transactions,
            AuditLog audit,
            PasswordEncoder passwords,
            Clock clock) {
        this.database = database;
        this.transactions = transactions;
        this.audit = audit;
        this.passwords = passwords;
        this.clock = clock;
    }

    /** The platform's own and those of tenants, or those of one tenant. */
    public List<Member> find(@Nullable UUID tenant, String search, int offset, int most, Actor actor) {
        requireSight(tenant, actor);
        return searched(SELECT, tenant, search)
                .param("offset", offset)
                .param("most", most)
                .query(Members::member)
                .list();
    }

    public int count(@Nullable UUID tenant, String search, Actor actor) {
        requireSight(tenant, actor);
        return database.sql("select count(*) from member m" + MATCHES)
                .param("tenant", tenant)
                .param("search", search.strip().toLowerCase(java.util.Locale.ROOT))
                .query(Integer.class)
                .single();
    }

    private static final String MATCHES = """
             where (cast(:tenant as uuid) is null or m.tenant_id = cast(:tenant as uuid))
            and (:search = '' or position(:search in lower(m.login || ' ' || m.name || ' ' || m.email)) > 0)
            """;

    private JdbcClient.StatementSpec searched(String select, @Nullable UUID tenant, String search) {
        return database.sql(select + MATCHES + "order by m.login offset :offset limit :most")
                .param("tenant", tenant)
                .param("search", search.strip().toLowerCase(java.util.Locale.ROOT));
    }

    private static void requireSight(@Nullable UUID tenant, Actor actor) {
        if (tenant == null) {
            actor.require(Permission.SEE_PLATFORM);
        } else {
            actor.require(Permission.SEE_TENANT, tenant);
        }
    }

    private static void requireChange(@Nullable UUID tenant, Actor actor) {
        if (tenant == null) {
            actor.require(Permission.CHANGE_PLATFORM);
        } else {
            actor.require(Permission.CHANGE_TENANT, tenant);
        }
    }

    /** For sign-in and for sessions that know their own login; not for those who ask about others. */
    public Optional<Member> byLogin(String login) {
        return database.sql(SELECT + "where m.login = :login")
                .param("login", login)
                .query(Members::member)
                .optional();
    }

    /** Empty where there is none, and where the actor may not see them. */
    public Optional<Member> named(String login, Actor actor) {
        return byLogin(login).filter(m -> {
            UUID tenant = m.tenant();
            return tenant == null ? actor.may(Permission.SEE_PLATFORM) : actor.may(Permission.SEE_TENANT, tenant);
        });
    }

    static Member member(ResultSet row, int number) throws SQLException {
        return new Member(
                row.getObject("id", UUID.class),
                row.getString("login"),
                row.getString("name"),
                row.getString("email"),
                Role.of(row.getString("role")).orElseThrow(),
                row.getObject("tenant_id", UUID.class),
                row.getString("tenant_name"),
                row.getString("provider"),
                row.getBoolean("enabled"),
                row.getBoolean("one_time_codes"),
                ApiKeys.instantOrNull(row, "locked_until"),
                ApiKeys.instantOrNull(row, "seen_at"),
                Tenants.instant(row, "created_at"),
                row.getString("theme"));
    }

    /** Somebody with a password here, whom no provider vouches for. */
    public void create(String login, String password, Role role, @Nullable UUID tenant, Actor actor) {
        requireChange(tenant, actor);
        if (!LOGIN.matcher(login).matches()) {
            throw new InvalidRequestException(
                    "login",
                    "A user name has 1 to 128 letters, digits and . _ @ + -, and starts with a letter or digit.");
        }
        checkPassword(password);
        checkPlace(role, tenant);
        String hash = passwords.encode(password);
        try {
            transactions.executeWithoutResult(t -> {
                database.sql("""
                                insert into member (id, login, password_hash, role, tenant_id, created_at)
                                values (:id, :login, :hash, :role, :tenant, :now)""")
                        .param("id", UUID.randomUUID())
                        .param("login", login)
                        .param("hash", hash)
                        .param("role", role.word())
                        .param("tenant", tenant)
                        .param("now", OffsetDateTime.now(clock))
                        .update();
                audit.record(actor, "member.create", login, Change.made(tenant, Map.of("role", role.word())));
            });
        } catch (DuplicateKeyException e) {
            throw new InvalidRequestException("login", "There is already a member named " + login + ".");
        }
    }

    static void checkPassword(String password) {
        if (password.length() < SHORTEST_PASSWORD || password.length() > LONGEST_PASSWORD) {
            throw new InvalidRequestException(
                    "password", "A password has " + SHORTEST_PASSWORD + " to " + LONGEST_PASSWORD + " characters.");
        }
    }

    private static void checkPlace(Role role, @Nullable UUID tenant) {
        if (role.ofPlatform() != (tenant == null)) {
            throw new InvalidRequestException(
                    "role",
                    tenant == null
                            ? "The role " + role.words() + " needs a tenant."
                            : "The role " + role.words() + " is not one of a tenant.");
        }
    }

    /**
     * A member as their provider describes them now: made at the first time, changed where something is different.
     *
     * @return empty for somebody who is disabled here
     */
    public Optional<Member> arrive(Vouched person, Actor through) {
        return Objects.requireNonNull(transactions.execute(t -> {
            Member known = database.sql(
                            SELECT + "where m.provider = :provider and m.subject = :subject for update of m")
                    .param("provider", person.provider())
                    .param("subject", person.subject())
                    .query(Members::member)
                    .optional()
                    .orElse(null);
            if (known == null) {
                return Optional.of(insert(person, through));
            }
            if (!known.enabled()) {
                return Optional.empty();
            }
            Change change = Change.between(
                    person.tenant(),
                    words(known.role(), known.tenant(), known.name(), known.email()),
                    words(person.role(), person.tenant(), person.name(), person.email()));
            if (!change.isNone()) {
                database.sql("""
                                update member set role = :role, tenant_id = :tenant, name = :name, email = :email
                                where id = :id""")
                        .param("role", person.role().word())
                        .param("tenant", person.tenant())
                        .param("name", person.name())
                        .param("email", person.email())
                        .param("id", known.id())
                        .update();
                audit.record(through, "member.change", known.login(), change);
            }
            return byLogin(known.login());
        }));
    }

    private static Map<String, String> words(Role role, @Nullable UUID tenant, String name, String email) {
        return Map.of("role", role.word(), "tenant", Objects.toString(tenant, ""), "name", name, "email", email);
    }

    private Member insert(Vouched person, Actor through) {
        String login = byLogin(person.login()).isEmpty() ? person.login() : person.login() + "@" + person.provider();
        database.sql("""
                        insert into member (id, login, role, tenant_id, name, email, provider, subject, created_at)
                        values (:id, :login, :role, :tenant, :name, :email, :provider, :subject, :now)""")
                .param("id", UUID.randomUUID())
                .param("login", login)
                .param("role", person.role().word())
                .param("tenant", person.tenant())
                .param("name", person.name())
                .param("email", person.email())
                .param("provider", person.provider())
                .param("subject", person.subject())
                .param("now", OffsetDateTime.now(clock))
                .update();
        audit.record(
                through,
                "member.create",
                login,
                Change.made(person.tenant(), Map.of("role", person.role().word(), "provider", person.provider())));
        return byLogin(login).orElseThrow();
    }

    /** What somebody is from now on. Their sessions end: the next one has the new role. */
    public void setRole(String login, Role role, @Nullable UUID tenant, Actor actor) {
        requireChange(tenant, actor);
        checkPlace(role, tenant);
        change(login, "member.role", actor, old -> {
            if (!role.equals(Role.PLATFORM_ADMINISTRATOR)) {
                keepOneAdministrator(old);
            }
            database.sql("update member set role = :role, tenant_id = :tenant where id = :id")
                    .param("role", role.word())
                    .param("tenant", tenant)
                    .param("id", old.id())
                    .update();
            return Change.between(tenant, words(old.role(), old.tenant(), "", ""), words(role, tenant, "", ""));
        });
    }

    /** Their sessions end within moments, and no new one begins. */
    public void disable(String login, Actor actor) {
        change(login, "member.disable", actor, old -> {
            keepOneAdministrator(old);
            setDisabled(old, OffsetDateTime.now(clock));
            return Change.between(
                    old.tenant(), Map.of("enabled", String.valueOf(old.enabled())), Map.of("enabled", "false"));
        });
    }

    /** Lets somebody in again; what locked them is forgotten. */
    public void enable(String login, Actor actor) {
        change(login, "member.enable", actor, old -> {
            setDisabled(old, null);
            return Change.between(
                    old.tenant(), Map.of("enabled", String.valueOf(old.enabled())), Map.of("enabled", "true"));
        });
    }

    private void setDisabled(Member member, @Nullable OffsetDateTime since) {
        database.sql("update member set disabled_at = :since, failures = 0, locked_until = null where id = :id")
                .param("since", since)
                .param("id", member.id())
                .update();
    }

    private void keepOneAdministrator(Member leaving) {
        if (leaving.role() != Role.PLATFORM_ADMINISTRATOR || !leaving.enabled()) {
            return;
        }
        long others =
                database.sql("""
                        select count(*) from member where role = 'platform_administrator' and disabled_at is null
                        and password_hash is not null and id <> :id""").param("id", leaving.id()).query(Long.class).single();
        if (others == 0 && leaving.provider() == null) {
            throw new InvalidRequestException(
                    "login",
                    leaving.login() + " is the last platform administrator with a password here, and stays: nobody"
                            + " could sign in when the providers cannot.");
        }
    }

    /** Gives somebody without a provider a new password. Their one-time codes stay as they are. */
    public void setPassword(String login, String password, Actor actor) {
        checkPassword(password);
        String hash = passwords.encode(password);
        change(login, "member.password", actor, old -> {
            if (old.provider() != null) {
                throw new InvalidRequestException(
                        "login", login + " signs in with " + old.provider() + ", and has no password here.");
            }
            database.sql("update member set password_hash = :hash, failures = 0, locked_until = null where id = :id")
                    .param("hash", hash)
                    .param("id", old.id())
                    .update();
            return Change.made(old.tenant(), Map.of("password", "a new one"));
        });
    }

    /** For somebody who lost the device that makes their codes. */
    public void forgetOneTimeCodes(String login, Actor actor) {
        change(login, "member.codes-off", actor, old -> {
            database.sql("update member set totp_secret = null where id = :id")
                    .param("id", old.id())
                    .update();
            return Change.between(
                    old.tenant(),
                    Map.of("one_time_codes", String.valueOf(old.oneTimeCodes())),
                    Map.of("one_time_codes", "false"));
        });
    }

    private interface Work {
        Change on(Member old);
    }

    private void change(String login, String action, Actor actor, Work work) {
        transactions.executeWithoutResult(t -> {
            Member old = database.sql(SELECT + "where m.login = :login for update of m")
                    .param("login", login)
                    .query(Members::member)
                    .optional()
                    .filter(m -> named(m.login(), actor).isPresent())
                    .orElseThrow(() -> new InvalidRequestException("login", "There is no member named " + login + "."));
            requireChange(old.tenant(), actor);
            Change change = work.on(old);
            if (!change.isNone()) {
                audit.record(actor, action, login, change);
            }
        });
    }

    /** How the console looks for somebody, who asks for themselves. */
    public void setTheme(String theme, Actor actor) {
        if (!THEMES.contains(theme)) {
            throw new InvalidRequestException("theme", "The theme is system, light or dark.");
        }
        database.sql("update member set theme = :theme where login = :login")
                .param("theme", theme)
                .param("login", actor.name())
                .update();
    }

    /** Whether this database was never set up. */
    public boolean none() {
        return database.sql("select count(*) from member").query(Long.class).single() == 0;
    }
}
