package io.ashlar.identity;

import io.ashlar.access.Role;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * An OpenID Connect provider that vouches for people.
 *
 * @param name in addresses, such as {@code keycloak}
 * @param title on the button of the sign-in page
 * @param issuer as its tokens and its discovery say it, to the letter
 * @param scopes that are asked for beside {@code openid}
 * @param loginClaim whose value becomes the user name
 * @param audience that an access token must have at the API; null where its access tokens open no door
 * @param rules what people are here; the first that fits holds, and whom none fits is not let in
 * @param fixed whether it is from the configuration, and not to be changed here
 */
public record SignInProvider(
        String name,
        String title,
        String issuer,
        String clientId,
        List<String> scopes,
        String loginClaim,
        @Nullable String audience,
        List<Rule> rules,
        boolean enabled,
        boolean fixed) {
    /**
     * What somebody is whose claim has a value.
     *
     * @param claim with dots into objects, such as {@code realm_access.roles}; a list has each of its values
     * @param value {@code *} for any
     * @param tenant null for roles of the platform; {@code {claim}} takes the tenant's name from another claim
     */
    public record Rule(
            String claim, String value, Role role, @Nullable String tenant) {}

    /** A role, and the tenant that it is of by name. */
    public record Place(Role role, @Nullable String tenant) {}

    /** What somebody with these claims is; empty for nothing. */
    public Optional<Place> place(Map<String, Object> claims) {
        for (Rule rule : rules) {
            if (has(claims, rule.claim, rule.value)) {
                String tenant = rule.tenant;
                if (tenant != null && tenant.startsWith("{") && tenant.endsWith("}")) {
                    tenant = value(claims, tenant.substring(1, tenant.length() - 1)) instanceof String text
                            ? text
                            : null;
                }
                if (rule.role.ofPlatform() == (tenant == null)) {
                    return Optional.of(new Place(rule.role, tenant));
                }
            }
        }
        return Optional.empty();
    }

    private static boolean has(Map<String, Object> claims, String claim, String wanted) {
        Object found = value(claims, claim);
        if (found instanceof Collection<?> many) {
            return many.stream().anyMatch(v -> wanted.equals("*") || wanted.equals(String.valueOf(v)));
        }
        return found != null && (wanted.equals("*") || wanted.equals(found.toString()));
    }

    private static @Nullable Object value(Map<String, Object> claims, String path) {
        Object found = claims.get(path);
        if (found != null) {
            return found;
        }
        int dot = path.indexOf('.');
        if (dot > 0 && claims.get(path.substring(0, dot)) instanceof Map<?, ?> inside) {
            @SuppressWarnings("unchecked")
            Map<String, Object> names = (Map<String, Object>) inside;
            return value(names, path.substring(dot + 1));
        }
        return null;
    }

    /** Who somebody is, for {@link Members#arrive}; empty where no rule fits or the tenant is none. */
    public Optional<Members.Vouched> vouch(Map<String, Object> claims, Tenants tenants) {
        Place place = place(claims).orElse(null);
        if (place == null || !(claims.get("sub") instanceof String subject)) {
            return Optional.empty();
        }
        java.util.UUID tenant = null;
        if (place.tenant != null) {
            tenant = tenants.named(place.tenant, io.ashlar.access.Actor.SYSTEM)
                    .map(Tenant::id)
                    .orElse(null);
            if (tenant == null) {
                return Optional.empty();
            }
        }
        return Optional.of(new Members.Vouched(
                name,
                subject,
                claims.get(loginClaim) instanceof String login ? login : subject,
                claims.get("name") instanceof String full ? full : "",
                claims.get("email") instanceof String email ? email : "",
                place.role,
                tenant));
    }
}
