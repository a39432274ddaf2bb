package io.ashlar.identity;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.nimbusds.jwt.JWTParser;
import io.ashlar.access.Actor;
import io.ashlar.access.Permission;
import io.ashlar.database.ChangeFeed;
import io.ashlar.identity.KeyRefusal.Reason;
import java.sql.Array;
import java.text.ParseException;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.security.oauth2.core.DelegatingOAuth2TokenValidator;
import org.springframework.security.oauth2.jwt.BadJwtException;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.jwt.JwtAudienceValidator;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtDecoders;
import org.springframework.security.oauth2.jwt.JwtIssuerValidator;
import org.springframework.security.oauth2.jwt.JwtTimestampValidator;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;

/** Access tokens (JWT) of the sign-in providers to whom they are of. Keys of providers are fetched once and kept. */
public final class TokenAuthenticator {
    private static final Duration KEPT = Duration.ofMinutes(5);
    /** How far clocks may differ. */
    private static final Duration SKEW = Duration.ofSeconds(30);

    private static final int MOST = 100_000;

    private final SignInProviders providers;
    private final Members members;
    private final Tenants tenants;
    private final JdbcClient database;
    private final Executor blocking;
    private final Clock clock;
    private final Cache<String, JwtDecoder> decoders =
            Caffeine.newBuilder().maximumSize(100).build();
    private final Cache<Members.Vouched, Member> people =
            Caffeine.newBuilder().maximumSize(MOST).expireAfterWrite(KEPT).build();
    private final Cache<UUID, Caller> callers =
            Caffeine.newBuilder().maximumSize(MOST).expireAfterWrite(KEPT).build();

    public TokenAuthenticator(
            SignInProviders providers,
            Members members,
            Tenants tenants,
            JdbcClient database,
            ChangeFeed changes,
            Executor blocking,
            Clock clock) {
        this(providers, members, tenants, database, blocking, clock);
        providers.onChange(decoders::invalidateAll);
        changes.onChange(Set.of("tenant", "project", "member", "deployment_grant", "deployment"), () -> {
            people.invalidateAll();
            callers.invalidateAll();
        });
    }

    private TokenAuthenticator(
            SignInProviders providers,
            Members members,
            Tenants tenants,
            JdbcClient database,
            Executor blocking,
            Clock clock) {
        this.providers = providers;
        this.members = members;
        this.tenants = tenants;
        this.database = database;
        this.blocking = blocking;
        this.clock = clock;
    }

    /** The same at another time. */
    public TokenAuthenticator at(Clock other) {
        return new TokenAuthenticator(providers, members, tenants, database, blocking, other);
    }

    /** Whether it looks like a token, and not like a key. */
    public static boolean isToken(String text) {
        return text.chars().filter(c -> c == '.').count() == 2;
    }

    /** Who sends it; fails with {@link KeyRefusal}. */
    public CompletableFuture<Actor> actor(String token) {
        return CompletableFuture.supplyAsync(() -> member(token).actor(""), blocking);
    }

    /** Whose request it is, for the models of their tenant; fails with {@link KeyRefusal}. */
    public CompletableFuture<Caller> caller(String token) {
        return CompletableFuture.supplyAsync(
                () -> {
                    Member member = member(token);
                    UUID tenant = member.tenant();
                    if (tenant == null || !member.actor("").may(Permission.USE_TENANT, tenant)) {
                        throw new KeyRefusal(
                                Reason.NOT_PERMITTED,
                                "The role " + member.role().words() + " may not use a tenant's models.");
                    }
                    return callers.get(member.id(), id -> load(member, tenant));
                },
                blocking);
    }

    private Member member(String token) {
        SignInProvider provider = provider(token);
        Map<String, Object> claims = claims(provider, token);
        Members.Vouched person = provider.vouch(claims, tenants)
                .orElseThrow(() -> unknown(
                        "The token's owner has no role here: no rule of the provider " + provider.name() + " fits."));
        Member found = people.get(person, p -> members.arrive(p, Actor.SYSTEM).orElse(null));
        if (found == null || !found.enabled()) {
            throw new KeyRefusal(Reason.REVOKED, "The token's owner is disabled here.");
        }
        return found;
    }

    private static KeyRefusal unknown(String message) {
        return new KeyRefusal(Reason.UNKNOWN, message);
    }

    /** Whom the token says it is of; what it says is believed after its signature was checked with that one's keys. */
    private SignInProvider provider(String token) {
        String issuer;
        try {
            issuer = JWTParser.parse(token).getJWTClaimsSet().getIssuer();
        } catch (ParseException e) {
            throw unknown("The token is not a JWT.");
        }
        return providers.known().values().stream()
                .map(SignInProviders.Known::provider)
                .filter(p -> p.enabled() && p.audience() != null && p.issuer().equals(issuer))
                .findFirst()
                .orElseThrow(() -> unknown("The token's issuer is not one of those that are let in."));
    }

    private Map<String, Object> claims(SignInProvider provider, String token) {
        try {
            Jwt jwt = decoders.get(provider.name(), name -> decoder(provider)).decode(token);
            return jwt.getClaims();
        } catch (BadJwtException e) {
            throw unknown("The token is not valid: " + e.getMessage());
        }
    }

    private JwtDecoder decoder(SignInProvider provider) {
        NimbusJwtDecoder decoder = JwtDecoders.fromIssuerLocation(provider.issuer());
        JwtTimestampValidator times = new JwtTimestampValidator(SKEW);
        times.setClock(clock);
        decoder.setJwtValidator(new DelegatingOAuth2TokenValidator<>(
                times,
                new JwtIssuerValidator(provider.issuer()),
                new JwtAudienceValidator(java.util.Objects.requireNonNull(provider.audience()))));
        return decoder;
    }

    private @Nullable Caller load(Member member, UUID tenant) {
        return database.sql("""
                        select p.id as project_id, t.name, t.status, t.service_class, t.weight, t.logs_content,
                            array(select g.deployment from deployment_grant g where g.tenant_id = t.id) as models
                        from tenant t join project p on p.tenant_id = t.id and p.name = :project where t.id = :tenant""")
                .param("project", Tenants.FIRST_PROJECT)
                .param("tenant", tenant)
                .query((row, n) -> {
                    if (!row.getString("status").equals("active")) {
                        throw new KeyRefusal(
                                Reason.TENANT_SUSPENDED, "The tenant " + row.getString("name") + " is suspended.");
                    }
                    Array models = row.getArray("models");
                    return new Caller(
                            tenant,
                            row.getString("name"),
                            row.getObject("project_id", UUID.class),
                            member.id(),
                            Set.of((String[]) models.getArray()),
                            row.getString("service_class"),
                            row.getDouble("weight"),
                            row.getBoolean("logs_content"));
                })
                .single();
    }
}
