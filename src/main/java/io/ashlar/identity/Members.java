package io.ashlar.identity;

import io.ashlar.audit.AuditLog;
import java.time.Clock;
import java.time.OffsetDateTime;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.security.crypto.password.PasswordEncoder;
import org.springframework.transaction.support.TransactionTemplate;

/** People who sign in to the console. */
public final class Members {
    /** What sign-in needs to know; the hash is Argon2id's. */
    public record Login(String login, String passwordHash, String role, boolean enabled) {
        @Override
        public String toString() {
            return login + " (" + role + ")";
        }
    }

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

    public void createAdministrator(String login, String password, String actor) {
        String hash = passwords.encode(password);
        transactions.executeWithoutResult(t -> {
            database.sql("""
                            insert into member (id, login, password_hash, role, created_at)
                            values (:id, :login, :hash, 'platform_administrator', :now)""")
                    .param("id", UUID.randomUUID())
                    .param("login", login)
                    .param("hash", hash)
                    .param("now", OffsetDateTime.now(clock))
                    .update();
            audit.record(actor, "member.create", login, Map.of("role", "platform_administrator"));
        });
    }

    public Optional<Login> find(String login) {
        return database.sql(
                        "select login, password_hash, role, disabled_at is null as enabled from member where login = :login")
                .param("login", login)
                .query((row, n) -> new Login(
                        row.getString("login"),
                        row.getString("password_hash"),
                        row.getString("role"),
                        row.getBoolean("enabled")))
                .optional();
    }

    /** Whether this database was never set up. */
    public boolean none() {
        return database.sql("select count(*) from member").query(Long.class).single() == 0;
    }
}
