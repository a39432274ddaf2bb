package io.ashlar.app;

import io.ashlar.api.Intake;
import io.ashlar.audit.AuditLog;
import io.ashlar.block.BlockZoo;
import io.ashlar.block.LoadedBlocks;
import io.ashlar.catalog.Catalog;
import io.ashlar.compute.Device;
import io.ashlar.compute.cpu.CpuDevice;
import io.ashlar.database.ChangeFeed;
import io.ashlar.engine.Engine;
import io.ashlar.engine.EngineOptions;
import io.ashlar.identity.ApiKeys;
import io.ashlar.identity.KeyAuthenticator;
import io.ashlar.identity.Members;
import io.ashlar.identity.Tenants;
import io.ashlar.quota.ConcurrencyLimit;
import io.ashlar.scheduler.StepLimits;
import io.ashlar.serving.ModelLibrary;
import io.ashlar.serving.Serving;
import io.ashlar.serving.ServingLimits;
import io.ashlar.usage.UsageLedger;
import io.ashlar.usage.UsageStore;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.concurrent.Executors;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.DataSourceTransactionManager;
import org.springframework.security.crypto.argon2.Argon2PasswordEncoder;
import org.springframework.security.crypto.password.PasswordEncoder;
import org.springframework.transaction.support.TransactionTemplate;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/** The parent of both doors: the services that they share, and nothing of the web. */
@Configuration(proxyBeanMethods = false)
public class Core {
    @Bean
    Clock clock() {
        return Clock.systemUTC();
    }

    @Bean
    SecureRandom secureRandom() {
        return new SecureRandom();
    }

    @Bean
    JdbcClient jdbcClient(OpenDatabase database) {
        return JdbcClient.create(database.pool());
    }

    @Bean
    TransactionTemplate transactionTemplate(OpenDatabase database) {
        return new TransactionTemplate(new DataSourceTransactionManager(database.pool()));
    }

    @Bean
    PasswordEncoder passwordEncoder() {
        return Argon2PasswordEncoder.defaultsForSpringSecurity_v5_8();
    }

    @Bean(initMethod = "start")
    ChangeFeed changeFeed(OpenDatabase database) {
        return new ChangeFeed(database.address());
    }

    @Bean
    AuditLog auditLog(JdbcClient database, Clock clock) {
        return new AuditLog(database, clock);
    }

    @Bean
    Tenants tenants(JdbcClient database, TransactionTemplate transactions, AuditLog audit, Clock clock) {
        return new Tenants(database, transactions, audit, clock);
    }

    @Bean
    ApiKeys apiKeys(
            JdbcClient database, TransactionTemplate transactions, AuditLog audit, SecureRandom random, Clock clock) {
        return new ApiKeys(database, transactions, audit, random, clock);
    }

    @Bean
    Members members(
            JdbcClient database,
            TransactionTemplate transactions,
            AuditLog audit,
            PasswordEncoder passwords,
            Clock clock) {
        return new Members(database, transactions, audit, passwords, clock);
    }

    @Bean
    KeyAuthenticator keyAuthenticator(JdbcClient database, ChangeFeed changes, Clock clock) {
        return new KeyAuthenticator(database, changes, Executors.newVirtualThreadPerTaskExecutor(), clock);
    }

    @Bean
    Catalog catalog(JdbcClient database, AuditLog audit, TransactionTemplate transactions, Clock clock) {
        return new Catalog(database, audit, transactions, clock);
    }

    @Bean
    BlockZoo blockZoo(DataFolder folder) {
        return new BlockZoo(folder.zoo());
    }

    @Bean
    ModelLibrary modelLibrary(BlockZoo zoo, Catalog catalog, AuditLog audit, TransactionTemplate transactions) {
        return new ModelLibrary(zoo, catalog, audit, transactions);
    }

    @Bean
    Device device(AshlarProperties properties) {
        int threads = properties.engine().threads();
        return new CpuDevice(
                threads == 0 ? Runtime.getRuntime().availableProcessors() : threads,
                properties.engine().niceness());
    }

    @Bean
    LoadedBlocks loadedBlocks(BlockZoo zoo, Device device) {
        return new LoadedBlocks(zoo, device);
    }

    @Bean(initMethod = "start")
    Engine engine(Device device, AshlarProperties properties) {
        AshlarProperties.Engine e = properties.engine();
        EngineOptions options = new EngineOptions(
                new StepLimits(e.stepTokens(), e.runningSequences()),
                e.pageMemory().toBytes(),
                e.pageType(),
                e.maxQueued(),
                e.stallLimit());
        return new Engine(device, options, System::nanoTime);
    }

    @Bean
    Serving serving(
            Catalog catalog,
            BlockZoo zoo,
            Engine engine,
            LoadedBlocks loaded,
            ChangeFeed changes,
            AshlarProperties properties) {
        AshlarProperties.Engine e = properties.engine();
        long weights = e.weightMemory().toBytes();
        ServingLimits limits =
                new ServingLimits(e.maxContext(), weights == 0 ? Long.MAX_VALUE : weights, e.idleAdapters());
        Serving serving = new Serving(catalog, zoo, engine, loaded, limits);
        serving.follow(changes);
        return serving;
    }

    @Bean
    ConcurrencyLimit concurrencyLimit(AshlarProperties properties) {
        return new ConcurrencyLimit(properties.quota().requestsInFlight());
    }

    @Bean
    Intake intake() {
        return new Intake();
    }

    @Bean
    UsageLedger usageLedger(
            DataFolder folder, OpenDatabase database, TransactionTemplate transactions, AshlarProperties properties) {
        UsageStore store = new UsageStore(new JdbcTemplate(database.pool()), transactions);
        return new UsageLedger(folder.usage(), store::write, properties.usage().journalSync());
    }

    @Bean
    Scheduler requestScheduler() {
        return Schedulers.newParallel("request", Runtime.getRuntime().availableProcessors());
    }

    @Bean
    Metrics metrics(Engine engine, LoadedBlocks loaded, UsageLedger ledger, Intake intake) {
        return new Metrics(engine, loaded, ledger, intake);
    }
}
