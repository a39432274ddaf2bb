package io.ashlar.platform;

import io.ashlar.access.Actor;
import io.ashlar.access.Guarded;
import io.ashlar.access.Permission;
import io.ashlar.audit.AuditLog;
import io.ashlar.audit.Change;
import io.ashlar.database.ChangeFeed;
import io.ashlar.document.Documents;
import io.ashlar.identity.Vault;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionTemplate;

/** The settings of the platform, true in every process within moments of a change. */
@Guarded
public final class Platform {
    private static final String PURPOSE = "webhooks";

    /** @param secret that webhooks are signed with; empty where none was set */
    record Known(PlatformSettings settings, String secret) {
        @Override
        public String toString() {
            return settings.toString();
        }
    }

    private final JdbcClient database;
    private final TransactionTemplate transactions;
    private final AuditLog audit;
    private final Vault vault;
    private volatile @Nullable Known known;

    public Platform(
            JdbcClient database, TransactionTemplate transactions, AuditLog audit, Vault vault, ChangeFeed changes) {
        this.database = database;
        this.transactions = transactions;
        this.audit = audit;
        this.vault = vault;
        changes.onChange(Set.of("platform_setting"), () -> known = null);
    }

    Known known() {
        Known now = known;
        if (now == null) {
            now = database.sql("select settings, webhook_secret from platform_setting")
                    .query((row, n) -> {
                        byte[] secret = row.getBytes(2);
                        return new Known(
                                Documents.read(Documents.parse(row.getString(1)), PlatformSettings.class),
                                secret == null ? "" : vault.decrypt(PURPOSE, secret));
                    })
                    .optional()
                    .orElse(new Known(PlatformSettings.FIRST, ""));
            known = now;
        }
        return now;
    }

    public PlatformSettings settings(Actor actor) {
        actor.require(Permission.SEE_PLATFORM);
        return known().settings;
    }

    /** @param secret that webhooks are signed with; null keeps the one there is */
    public void set(PlatformSettings settings, @Nullable String secret, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        settings.check();
        transactions.executeWithoutResult(t -> {
            Change change = Change.between(null, words(known().settings), words(settings));
            database.sql("""
                            insert into platform_setting as p (settings, webhook_secret)
                            values (cast(:settings as jsonb), :secret)
                            on conflict (one) do update set settings = excluded.settings,
                                webhook_secret = coalesce(excluded.webhook_secret, p.webhook_secret)""")
                    .param("settings", new String(Documents.json(settings), StandardCharsets.UTF_8))
                    .param("secret", secret == null ? null : vault.encrypt(PURPOSE, secret))
                    .update();
            if (!change.isNone() || secret != null) {
                audit.record(actor, "platform.set", "settings", change);
            }
        });
        known = null;
    }

    private static Map<String, String> words(PlatformSettings s) {
        return Map.of("retention_days", String.valueOf(s.retentionDays()), "webhooks", String.join(" ", s.webhooks()));
    }
}
