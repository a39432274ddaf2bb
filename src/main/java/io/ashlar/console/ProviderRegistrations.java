package io.ashlar.console;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.ashlar.identity.SignInProvider;
import io.ashlar.identity.SignInProviders;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springframework.security.oauth2.client.registration.ClientRegistration;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.client.registration.ClientRegistrations;
import org.springframework.security.oauth2.core.ClientAuthenticationMethod;

/**
 * The providers as Spring Security wants them. Each is asked for its addresses (discovery) when it is first needed, and again
 * after its settings change, so that none has to run when Ashlar starts. Sign-in is the authorisation code flow with PKCE.
 */
final class ProviderRegistrations implements ClientRegistrationRepository {
    private static final Duration KEPT = Duration.ofHours(1);

    private final SignInProviders providers;
    private final Cache<String, ClientRegistration> registrations =
            Caffeine.newBuilder().expireAfterWrite(KEPT).maximumSize(1000).build();

    ProviderRegistrations(SignInProviders providers) {
        this.providers = providers;
        providers.onChange(registrations::invalidateAll);
    }

    @Override
    public @Nullable ClientRegistration findByRegistrationId(String name) {
        SignInProviders.Known known = providers.known().get(name);
        return known == null || !known.provider().enabled()
                ? null
                : registrations.get(name, n -> registration(known.provider(), known.clientSecret()));
    }

    private static ClientRegistration registration(SignInProvider provider, @Nullable String secret) {
        Set<String> scopes = new HashSet<>(provider.scopes());
        scopes.add("openid");
        ClientRegistration.Builder builder = ClientRegistrations.fromIssuerLocation(provider.issuer())
                .registrationId(provider.name())
                .clientName(provider.title())
                .clientId(provider.clientId())
                .scope(scopes)
                .redirectUri("{baseUrl}/login/oauth2/code/{registrationId}")
                .userNameAttributeName("sub")
                .clientSettings(ClientRegistration.ClientSettings.builder()
                        .requireProofKey(true)
                        .build());
        return secret == null
                ? builder.clientAuthenticationMethod(ClientAuthenticationMethod.NONE)
                        .build()
                : builder.clientSecret(secret).build();
    }
}
