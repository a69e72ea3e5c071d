/** What is done every so many seconds, and what is done once. */

export class Schedule {
  #jobs = []

  every(seconds, job) {
    this.#jobs.push({ at: seconds, seconds, job })
  }

  once(at, job) {
    this.#jobs.push({ at, seconds: Number.POSITIVE_INFINITY, job })
  }

  /** Does what is due. */
  async look(elapsed) {
    for (const one of this.#jobs) {
      if (elapsed < one.at) continue
      one.at += one.seconds
      await one.job()
    }
  }
}
