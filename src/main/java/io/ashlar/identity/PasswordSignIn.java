package io.ashlar.identity;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Ticker;
import io.ashlar.access.Actor;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.audit.AuditLog;
import io.ashlar.audit.Change;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.security.crypto.password.PasswordEncoder;
import org.springframework.transaction.support.TransactionTemplate;

/**
 * The way in for those whom no provider vouches for: password and, where set up, a one-time code. Five wrong tries lock an
 * account for a quarter of an hour; an address that tries often waits, whomever it tries.
 */
public final class PasswordSignIn {
    private static final int MOST_FAILURES = 5;
    private static final Duration LOCKED = Duration.ofMinutes(15);
    private static final int MOST_OF_ADDRESS = 20;
    private static final Duration ADDRESS_WINDOW = Duration.ofMinutes(5);
    private static final String PURPOSE = "one-time codes";

    /** Why somebody is not let in. The same for a wrong name, password or code. */
    public static final class Refused extends RuntimeException {
        private static final long serialVersionUID = 1;

        /** What the sign-in page may say. */
        public enum Reason {
            WRONG,
            LOCKED,
            TOO_OFTEN
        }

        private final Reason reason;

        Refused(Reason reason) {
            super(reason.name(), null, false, false);
            this.reason = reason;
        }

        public Reason reason() {
            return reason;
        }
    }

    private record Known(
            UUID id,
            String hash,
            byte @Nullable [] codes,
            long step,
            boolean enabled,
            @Nullable Instant lockedUntil) {}

    private final JdbcClient database;
    private final TransactionTemplate transactions;
    private final Members members;
    private final AuditLog audit;
    private final PasswordEncoder passwords;
    private final Vault vault;
    private final SecureRandom random;
    private final Clock clock;
    private final Cache<String, AtomicInteger> failuresOfAddress;
    private final String nobody;

    public PasswordSignIn(
            JdbcClient database,
            TransactionTemplate transactions,
            Members members,
            AuditLog audit,
            PasswordEncoder passwords,
            Vault vault,
            SecureRandom random,
            Clock clock) {
        this.database = database;
        this.transactions = transactions;
        this.members = members;
        this.audit = audit;
        this.passwords = passwords;
        this.vault = vault;
        this.random = random;
        this.clock = clock;
        Ticker ticker = () -> TimeUnit.MILLISECONDS.toNanos(clock.millis());
        this.failuresOfAddress = Caffeine.newBuilder()
                .expireAfterWrite(ADDRESS_WINDOW)
                .maximumSize(100_000)
                .ticker(ticker)
                .build();
        // Compared where there is no such member, so that the time taken does not tell.
        this.nobody = passwords.encode(OneTimeCodes.newSecret(random));
    }

    /**
     * @param code empty where none was given
     * @throws Refused if it is not them
     */
    public Member signIn(String login, String password, String code, String origin) {
        AtomicInteger ofAddress = failuresOfAddress.get(origin, o -> new AtomicInteger());
        if (ofAddress.get() >= MOST_OF_ADDRESS) {
            throw new Refused(Refused.Reason.TOO_OFTEN);
        }
        Known known = find(login);
        boolean right = passwords.matches(password, known == null ? nobody : known.hash) && known != null;
        Instant now = clock.instant();
        if (known != null && known.lockedUntil != null && known.lockedUntil.isAfter(now)) {
            ofAddress.incrementAndGet();
            throw new Refused(Refused.Reason.LOCKED);
        }
        if (known == null || !right || !known.enabled || !codeFits(known, code.strip(), now)) {
            ofAddress.incrementAndGet();
            if (known != null && known.enabled) {
                noteFailure(known, login, origin, now);
            }
            throw new Refused(Refused.Reason.WRONG);
        }
        Member member = members.byLogin(login).orElseThrow(() -> new Refused(Refused.Reason.WRONG));
        transactions.executeWithoutResult(t -> {
            database.sql("update member set failures = 0, locked_until = null, seen_at = :now where id = :id")
                    .param("now", OffsetDateTime.now(clock))
                    .param("id", known.id)
                    .update();
            audit.record(
                    member.actor(origin),
                    "session.begin",
                    login,
                    Change.made(member.tenant(), Map.of("by", "password")));
        });
        return member;
    }

    private @Nullable Known find(String login) {
        return database.sql("""
                        select id, password_hash, totp_secret, totp_step, disabled_at is null, locked_until from member
                        where login = :login and password_hash is not null""")
                .param("login", login)
                .query((row, n) -> new Known(
                        row.getObject(1, UUID.class),
                        row.getString(2),
                        row.getBytes(3),
                        row.getLong(4),
                        row.getBoolean(5),
                        ApiKeys.instantOrNull(row, "locked_until")))
                .optional()
                .orElse(null);
    }

    /** A code counts once: the step it is of is taken in the same moment. */
    private boolean codeFits(Known known, String code, Instant now) {
        byte[] codes = known.codes;
        if (codes == null) {
            return true;
        }
        long step = OneTimeCodes.stepOf(code, vault.decrypt(PURPOSE, codes), now, known.step);
        return step >= 0
                && database.sql("update member set totp_step = :step where id = :id and totp_step < :step")
                                .param("step", step)
                                .param("id", known.id)
                                .update()
                        > 0;
    }

    private void noteFailure(Known known, String login, String origin, Instant now) {
        transactions.executeWithoutResult(t -> {
            int failures = database.sql("update member set failures = failures + 1 where id = :id returning failures")
                    .param("id", known.id)
                    .query(Integer.class)
                    .single();
            if (failures >= MOST_FAILURES) {
                database.sql("update member set failures = 0, locked_until = :until where id = :id")
                        .param("until", now.plus(LOCKED).atOffset(java.time.ZoneOffset.UTC))
                        .param("id", known.id)
                        .update();
                audit.record(
                        Actor.administrator("system", origin),
                        "member.lock",
                        login,
                        Change.made(null, Map.of("until", now.plus(LOCKED).toString())));
            }
        });
    }

    /**
     * A secret for somebody's app, not yet in force.
     *
     * @param uri what the app reads from a picture
     */
    public record Enrolment(String secret, String uri) {
        @Override
        public String toString() {
            return "Enrolment[secret]";
        }
    }

    public Enrolment enrol(Actor actor) {
        String secret = OneTimeCodes.newSecret(random);
        return new Enrolment(secret, OneTimeCodes.uri(actor.name(), secret));
    }

    /** Asks for codes at every sign-in from now on, when the app has shown that it makes them. */
    public void confirm(Enrolment enrolment, String code, Actor actor) {
        long step = OneTimeCodes.stepOf(code.strip(), enrolment.secret, clock.instant(), 0);
        if (step < 0) {
            throw new InvalidRequestException("code", "That is not the code that the app shows now.");
        }
        transactions.executeWithoutResult(t -> {
            int changed = database.sql("""
                            update member set totp_secret = :secret, totp_step = :step
                            where login = :login and password_hash is not null""")
                    .param("secret", vault.encrypt(PURPOSE, enrolment.secret))
                    .param("step", step)
                    .param("login", actor.name())
                    .update();
            if (changed == 0) {
                throw new InvalidRequestException("login", actor.name() + " has no password here.");
            }
            audit.record(
                    actor,
                    "member.codes-on",
                    actor.name(),
                    Change.made(actor.tenant(), Map.of("one_time_codes", "true")));
        });
    }

    /** One's own password; the old one is asked for. */
    public void changePassword(String old, String password, Actor actor) {
        Members.checkPassword(password);
        Known known = find(actor.name());
        if (known == null || !passwords.matches(old, known.hash)) {
            throw new InvalidRequestException("old", "The old password is not right.");
        }
        String hash = passwords.encode(password);
        transactions.executeWithoutResult(t -> {
            database.sql("update member set password_hash = :hash where id = :id")
                    .param("hash", hash)
                    .param("id", known.id)
                    .update();
            audit.record(
                    actor,
                    "member.password",
                    actor.name(),
                    Change.made(actor.tenant(), Map.of("password", "a new one")));
        });
    }
}
