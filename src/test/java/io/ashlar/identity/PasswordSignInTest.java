package io.ashlar.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.access.Actor;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.access.Role;
import io.ashlar.app.TestServer;
import io.ashlar.audit.AuditLog;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.security.crypto.password.PasswordEncoder;
import org.springframework.transaction.support.TransactionTemplate;

/** The break-glass way in, at a clock that the test moves. */
class PasswordSignInTest {
    private static final String PASSWORD = "correct horse battery";

    /** A clock that stands until it is moved. */
    private static final class Moved extends Clock {
        private Instant now = Instant.parse("2026-05-01T12:00:00Z");

        @Override
        public Instant instant() {
            return now;
        }

        @Override
        public ZoneId getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            return this;
        }

        void move(Duration by) {
            now = now.plus(by);
        }
    }

    private final TestServer server = TestServer.shared();
    private final Moved clock = new Moved();
    private final PasswordSignIn signIn = new PasswordSignIn(
            server.service(JdbcClient.class),
            server.service(TransactionTemplate.class),
            server.service(Members.class),
            server.service(AuditLog.class),
            server.service(PasswordEncoder.class),
            server.service(Vault.class),
            new SecureRandom(),
            clock);

    private String member() {
        String login = "m" + UUID.randomUUID();
        server.service(Members.class).create(login, PASSWORD, Role.PLATFORM_VIEWER, null, Actor.SYSTEM);
        return login;
    }

    private PasswordSignIn.Refused.Reason refusal(String login, String password, String code, String origin) {
        try {
            signIn.signIn(login, password, code, origin);
        } catch (PasswordSignIn.Refused e) {
            return e.reason();
        }
        throw new AssertionError(login + " was let in");
    }

    @Test
    void five_wrong_passwords_lock_the_account_for_a_quarter_of_an_hour() {
        String login = member();
        for (int i = 0; i < 5; i++) {
            assertThat(refusal(login, "wrong", "", "192.0.2.1")).isEqualTo(PasswordSignIn.Refused.Reason.WRONG);
        }
        assertThat(refusal(login, PASSWORD, "", "192.0.2.2")).isEqualTo(PasswordSignIn.Refused.Reason.LOCKED);
        clock.move(Duration.ofMinutes(14));
        assertThat(refusal(login, PASSWORD, "", "192.0.2.2")).isEqualTo(PasswordSignIn.Refused.Reason.LOCKED);
        clock.move(Duration.ofMinutes(2));
        assertThat(signIn.signIn(login, PASSWORD, "", "192.0.2.2").login()).isEqualTo(login);
    }

    @Test
    void an_address_that_tries_many_accounts_waits() {
        for (int i = 0; i < 20; i++) {
            refusal("nobody-" + i, "wrong", "", "192.0.2.9");
        }
        String login = member();
        assertThat(refusal(login, PASSWORD, "", "192.0.2.9")).isEqualTo(PasswordSignIn.Refused.Reason.TOO_OFTEN);
        assertThat(signIn.signIn(login, PASSWORD, "", "192.0.2.10").login()).isEqualTo(login);
        clock.move(Duration.ofMinutes(6));
        assertThat(signIn.signIn(login, PASSWORD, "", "192.0.2.9").login()).isEqualTo(login);
    }

    @Test
    void a_code_is_asked_for_where_it_was_set_up_and_counts_once() {
        String login = member();
        Actor self = new Actor(login, Role.PLATFORM_VIEWER, null, "");
        PasswordSignIn.Enrolment enrolment = signIn.enrol(self);
        assertThat(enrolment.uri()).startsWith("otpauth://totp/Ashlar:" + login + "?secret=");
        assertThatThrownBy(() -> signIn.confirm(enrolment, "000000x", self))
                .isInstanceOf(InvalidRequestException.class);
        signIn.confirm(enrolment, OneTimeCodes.code(enrolment.secret(), clock.instant()), self);
        byte[] kept = server.service(JdbcClient.class)
                .sql("select totp_secret from member where login = :login")
                .param("login", login)
                .query(byte[].class)
                .single();
        assertThat(new String(kept, java.nio.charset.StandardCharsets.ISO_8859_1))
                .doesNotContain(enrolment.secret());

        assertThat(refusal(login, PASSWORD, "", "192.0.2.3")).isEqualTo(PasswordSignIn.Refused.Reason.WRONG);
        clock.move(Duration.ofSeconds(30));
        String code = OneTimeCodes.code(enrolment.secret(), clock.instant());
        assertThat(signIn.signIn(login, PASSWORD, code, "192.0.2.3").login()).isEqualTo(login);
        assertThat(refusal(login, PASSWORD, code, "192.0.2.3")).isEqualTo(PasswordSignIn.Refused.Reason.WRONG);
        clock.move(Duration.ofMinutes(5));
        assertThat(refusal(login, PASSWORD, code, "192.0.2.3")).isEqualTo(PasswordSignIn.Refused.Reason.WRONG);
    }

    /** The examples of RFC 6238, appendix B, at six digits. */
    @Test
    void codes_are_those_of_the_standard() {
        String secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        assertThat(OneTimeCodes.code(secret, Instant.ofEpochSecond(59))).isEqualTo("287082");
        assertThat(OneTimeCodes.code(secret, Instant.ofEpochSecond(1_111_111_109)))
                .isEqualTo("081804");
        assertThat(OneTimeCodes.code(secret, Instant.ofEpochSecond(2_000_000_000)))
                .isEqualTo("279037");
    }

    @Test
    void the_last_administrator_stays_and_passwords_are_argon2s() {
        Members members = server.service(Members.class);
        assertThatThrownBy(() -> members.disable("admin", Actor.SYSTEM))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("last platform administrator");
        String hash = server.service(JdbcClient.class)
                .sql("select password_hash from member where login = 'admin'")
                .query(String.class)
                .single();
        assertThat(hash).startsWith("$argon2id$");
    }

    @Test
    void what_is_encrypted_for_one_purpose_is_not_read_for_another_or_when_changed() {
        Vault vault = new Vault(new byte[Vault.KEY_BYTES], new SecureRandom());
        byte[] hidden = vault.encrypt("a", "secret");
        assertThat(vault.decrypt("a", hidden)).isEqualTo("secret");
        assertThatThrownBy(() -> vault.decrypt("b", hidden)).isInstanceOf(IllegalStateException.class);
        hidden[20] ^= 1;
        assertThatThrownBy(() -> vault.decrypt("a", hidden)).isInstanceOf(IllegalStateException.class);
    }
}
